"""Modules that are not functions of their parameters are refused in one line, with the cure."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bdlbench.errors import BdlbenchError
from bdlbench.posterior.network import Network
from bdlbench.posterior.refusals import check_layers
from bdlbench.posterior.trial import check_forward
from tests.posterior import modules
from tests.posterior.modules import CLASSES, MODULES

X = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


def frozen() -> nn.Module:
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 2))
    module[0].weight.requires_grad_(False)
    return module


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (
            nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)),
            "layer 1 is BatchNorm1d, which depends on the whole minibatch; use GroupNorm",
        ),
        (nn.ModuleDict({"norm": nn.SyncBatchNorm(3)}), "layer norm is SyncBatchNorm, .*GroupNorm"),
        (
            nn.Sequential(nn.InstanceNorm2d(3, track_running_stats=True)),
            "InstanceNorm2d with running statistics; set track_running_stats=False",
        ),
        (
            nn.Sequential(nn.Linear(3, 3), nn.Dropout2d(0.25)),
            "layer 1 is Dropout2d with dropout 0.25, which is random; set it to 0",
        ),
        (
            nn.MultiheadAttention(4, 2, dropout=0.1),
            "the module is MultiheadAttention with",
        ),
        (nn.LSTM(4, 4, num_layers=2, dropout=0.5), "is LSTM with dropout 0.5"),
        (modules.Transformer(dropout=0.1), r"layer encode\.self_attn is MultiheadAttention"),
        (nn.Sequential(nn.Flatten()), "expected a module with parameters, got Sequential"),
        (nn.Sequential(nn.LazyLinear(3)), "parameter 0.weight is lazy"),
        (frozen(), "parameter 0.weight has requires_grad=False; make it a buffer"),
        (torch.relu, "expected a torch.nn.Module, got builtin_function_or_method"),
    ],
)
def test_a_layer_is_refused_by_name(module: Any, message: str) -> None:
    with pytest.raises(BdlbenchError, match=message) as caught:
        check_layers(module)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) <= 120


@pytest.mark.parametrize("layer", [nn.GroupNorm(1, 3), nn.LayerNorm(3), nn.Dropout(0.0)])
def test_other_normalisation_and_no_dropout_are_accepted(layer: nn.Module) -> None:
    module = nn.Sequential(nn.Linear(3, 3), layer, nn.Linear(3, CLASSES))
    check_forward(Network(module, lambda: module), X, CLASSES)


@pytest.mark.parametrize("name", MODULES)
def test_ordinary_modules_pass_the_trial(name: str) -> None:
    check_forward(modules.posterior(name).network, modules.inputs(name), CLASSES)


class Forward(nn.Module):
    """A linear layer, a counter as a buffer, and a forward of the test."""

    def __init__(self, function: Callable[[Any, Tensor], Any]) -> None:
        super().__init__()
        self.linear = nn.Linear(3, CLASSES)
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("missing", torch.tensor(torch.nan))  # NaN is not a change
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(self, x)


def with_dropout(module: Any, x: Tensor) -> Tensor:
    return nn.functional.dropout(module.linear(x), 0.5)


def rarely_random(module: Any, x: Tensor) -> Tensor:
    return module.linear(x) * (torch.rand(()) >= 0)


def with_noise_of_python(module: Any, x: Tensor) -> Tensor:
    return module.linear(x) * random.random()


def counting(module: Any, x: Tensor) -> Tensor:
    module.count.add_(1)
    return module.linear(x)


def in_place(module: Any, x: Tensor) -> Tensor:
    return module.linear(x.mul_(2))


def centred(module: Any, x: Tensor) -> Tensor:
    return module.linear(x - x.mean(0))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (with_dropout, "the forward is random: two calls differ"),
        (rarely_random, "the forward is random: two calls differ"),
        (with_noise_of_python, "the forward is random: two calls differ"),
        (counting, "the forward changes its buffer count; it must only read them"),
        (in_place, "the forward changes its inputs"),
        (centred, "depend on the other inputs of the minibatch; normalise each input alone"),
        (lambda module, x: module.linear(x)[:, :3], r"shape \(n, 4\), got \(n, 3\)"),
        (lambda module, x: module.linear(x)[:, 0], r"shape \(n, 4\), got \(n\)"),
        (lambda module, x: module.linear(x).mT, r"shape \(n, 4\), got \(4, 3\)"),
        (lambda module, x: (module.linear(x), x), "expected a tensor of outputs, got tuple"),
        (
            lambda module, x: module.linear(x[:, :2]),
            r"the forward raises RuntimeError on inputs \(n, 3\): mat1 and mat2 shapes cannot be",
        ),
        (lambda module, x: module.absent(x), "the forward raises AttributeError"),
    ],
)
def test_a_forward_that_is_no_function_of_each_input_is_refused(
    function: Callable[[Any, Tensor], Any], message: str
) -> None:
    network = Network(Forward(function), lambda: Forward(function))
    before, given = torch.get_rng_state(), X.clone()
    with pytest.raises(BdlbenchError, match=message) as caught:
        check_forward(network, X, CLASSES)
    assert "\n" not in str(caught.value)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(X, given), "the training data are left alone"


def test_a_buffer_that_is_replaced_is_restored_by_every_call() -> None:
    def replacing(module: Any, x: Tensor) -> Tensor:
        module.count = module.count + 1
        return module.linear(x) * module.count

    network = Network(Forward(replacing), lambda: Forward(replacing))
    check_forward(network, X, CLASSES)
    assert network.module.count == 0
