"""Hidden units of a network: the weights that multiply them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bdlbench.errors import BdlbenchError
from bdlbench.posterior import models
from bdlbench.posterior.network import Network
from bdlbench.posterior.sites import dropout_sites
from tests.posterior import modules


def found(name: str) -> set[str]:
    network, x = modules.posterior(name).network, modules.inputs(name)
    sites = dropout_sites(network, x)
    assert list(sites) == [each for each in network.shapes if each in sites], "in θ's order"
    assert set(sites.values()) <= {1}
    return set(sites)


def test_in_a_chain_of_layers_all_but_the_first_read_hidden_units() -> None:
    x = torch.randn(3, 28, 28)
    assert dropout_sites(models.build("softmax"), x) == {}
    assert dropout_sites(models.build("mlp-5-4"), x) == {"3.weight": 1, "5.weight": 1}
    expected = ["4.weight", "8.weight", "10.weight", "12.weight"]
    assert dropout_sites(models.build("lenet5"), x) == dict.fromkeys(expected, 1)


def test_other_modules() -> None:
    assert found("residual") == {"inner.0.weight", "inner.1.weight", "last.weight"}
    resnet = modules.posterior("resnet").network
    convolutions = {name for name, shape in resnet.shapes.items() if len(shape) == 4}
    assert found("resnet") == {*convolutions - {"0.0.weight"}, "7.weight"}
    assert found("embedding") == {"head.weight"}
    assert found("recurrent") == {"lstm.weight_ih_l0", "lstm.weight_hh_l0", "head.weight"}
    attention = {f"encode.self_attn.{name}" for name in ("in_proj_weight", "out_proj.weight")}
    feedforward = {"encode.linear1.weight", "encode.linear2.weight"}
    assert found("transformer") == {*attention, *feedforward, "head.weight"}


class Forward(nn.Module):
    """Layers of all kinds, and a forward of the test."""

    def __init__(self, function: Callable[[Any, Tensor], Tensor]) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 4)
        self.grouped = nn.Conv1d(4, 6, 3, padding=1, groups=2)
        self.lstm = nn.LSTM(3, 4, batch_first=True, bidirectional=True)
        self.attend = nn.MultiheadAttention(3, 1, batch_first=True)
        self.norm, self.weight = nn.LayerNorm([1, 3]), nn.Parameter(torch.zeros(4, 4))
        self.shift = nn.Parameter(torch.zeros(2, 3))
        self.relu = nn.ReLU(inplace=True)
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


def sites_of(function: Callable[[Any, Tensor], Tensor]) -> dict[str, int]:
    module = Forward(function)
    return dropout_sites(Network(module, lambda: module), torch.randn(4, 3))


def branching(module: Any, x: Tensor) -> Tensor:
    for _ in range(int(x.abs().sum().item() > 0)):
        x = module.first(x)
    return module.second(module.relu(x))


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda m, x: m.second(m.relu(m.first(x))), {"second.weight": 1}),
        (branching, {"second.weight": 1}),
        (lambda m, x: F.linear(torch.tanh(m.first(x)), m.weight), {"weight": 1}),
        (lambda m, x: m.grouped(m.first(x).unsqueeze(-1)), {"grouped.weight": 2}),
        (lambda m, x: m.first(m.norm(x[:, None]) + m.shift), {}),  # scaled inputs are inputs
        (
            lambda m, x: m.lstm(x[:, None])[0],
            {"lstm.weight_hh_l0": 1, "lstm.weight_hh_l0_reverse": 1},
        ),
        (lambda m, x: m.attend(*[x[:, None]] * 3)[0], {"attend.out_proj.weight": 1}),
        (lambda m, x: x @ m.shift.T @ m.shift, None),
        (lambda m, x: m.first(x) @ m.weight, None),
        (lambda m, x: torch.einsum("ni,oi->no", m.first(x), 2 * m.weight), None),
    ],
)
def test_layers_are_found_however_they_are_called(
    function: Callable[[Any, Tensor], Tensor], expected: dict[str, int] | None
) -> None:
    if expected is None:
        with pytest.raises(BdlbenchError, match=r"hidden units of \w+ cannot be found in \w+\(\)"):
            sites_of(function)
    else:
        assert sites_of(function) == expected


def test_a_failure_is_one_line_with_the_cure() -> None:
    with pytest.raises(BdlbenchError, match=r"AttributeError: .*dropout_sites = \(\"fc2\", …\)"):
        sites_of(lambda m, x: m.absent(x))


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        (("second",), {"second.weight": 1}),
        (("weight", "grouped"), {"weight": 1, "grouped.weight": 2}),
        ((), {}),
    ],
)
def test_sites_can_be_declared(declared: Sequence[str], expected: dict[str, int]) -> None:
    module = Forward(lambda m, x: m.first(x) @ m.weight)
    module.dropout_sites = declared  # type: ignore[assignment]
    assert dropout_sites(Network(module, lambda: module), torch.randn(4, 3)) == expected


@pytest.mark.parametrize("declared", ["secnd", "relu", "lstm", "second.bias"])
def test_a_declared_layer_must_exist_and_have_a_weight(declared: str) -> None:
    module = Forward(lambda m, x: m.first(x))
    module.dropout_sites = (declared,)  # type: ignore[assignment]
    with pytest.raises(BdlbenchError, match=f"expected a layer with a weight, got {declared!r}"):
        dropout_sites(Network(module, lambda: module), torch.randn(4, 3))


def test_global_random_state_and_parameters_are_left_alone() -> None:
    network, x = modules.posterior("resnet").network, modules.inputs("resnet")
    before = torch.get_rng_state()
    dropout_sites(network, x)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.grad is None for parameter in network.module.parameters())
