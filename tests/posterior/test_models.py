"""Models: built in, from a file, with settings; what is refused is named with the model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from bdlbench.data.examples import Examples
from bdlbench.errors import BdlbenchError
from bdlbench.posterior import models
from bdlbench.posterior.likelihoods import (
    Bernoulli,
    Categorical,
    Gaussian,
    Heteroscedastic,
    Likelihood,
)
from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import build_posterior
from bdlbench.posterior.resnet import ResNet8
from bdlbench.posterior.trial import check_forward

RNG = np.random.default_rng(0)
CPU = torch.device("cpu")
TABLE = RNG.normal(size=(20, 3)).astype(np.float32)
FILE = """
from dataclasses import dataclass
from torch import nn
from bdlbench import register

@register("my-model")
@dataclass(frozen=True)
class MyModel:
    width: int = 4

    def build(self, input_shape, outputs):
        layers = nn.Linear(input_shape[0], self.width), nn.Tanh(), nn.Linear(self.width, outputs)
        return nn.Sequential(*layers)
"""


@pytest.mark.parametrize("shape", [(3,), (5, 4), (28, 28), (3, 32, 32), (2, 12, 17)])
@pytest.mark.parametrize("name", ["softmax", "mlp-6-5", "lenet5"])
def test_built_in_models_fit_any_shape_for_which_they_make_sense(
    name: str, shape: tuple[int, ...]
) -> None:
    if name == "lenet5" and min(shape) < 12 and len(shape) < 3:
        with pytest.raises(BdlbenchError, match=r"lenet5: expected images .* 12×12 pixels"):
            models.network(name, shape, 7)
        return
    network = models.network(name, shape, 7)
    assert network.layers is not None
    check_forward(network, torch.randn(4, *shape), 7)


def test_the_short_form_is_for_mnist() -> None:
    built, made = models.build("lenet5"), models.network("lenet5", (28, 28), 10)
    assert built.shapes == made.shapes
    assert repr(built.module) == repr(made.module)


def test_a_file_with_settings_is_a_model(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    narrow, wide = models.find(f"{path}"), models.find(f"{path}:width=9")
    assert [models.network(each, (3,), 2).dim for each in (narrow, wide)] == [26, 56]
    with pytest.raises(BdlbenchError, match=r"my-model: no setting 'depth'.*width"):
        models.find(f"{path}:depth=2")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("mlp", r"no model 'mlp' \(available: softmax, mlp-<hidden>.*, resnet8\)"),
        ("mlp-0", "no model 'mlp-0'"),
        ("resnet9:width=8", "no model 'resnet9'"),
        ("mlp-50:width=8", "mlp-50: expected no settings, got 'mlp-50:width=8'"),
        ("resnet8:width=0", "resnet8: expected width > 0, got 0"),
        ("./absent.py", r"absent\.py: no such file"),
    ],
)
def test_an_unknown_model_or_setting_is_refused(reference: str, message: str) -> None:
    with pytest.raises(BdlbenchError, match=message):
        models.find(reference)


@pytest.mark.parametrize("width", [1, 3, 6, 16])
@pytest.mark.parametrize("shape", [(3, 32, 32), (28, 28)])
def test_resnet8_normalises_groups_of_at_least_two_channels(
    width: int, shape: tuple[int, ...]
) -> None:
    network = models.network(f"resnet8:width={width}", shape, 7)
    norms = [each for each in network.module.modules() if isinstance(each, nn.GroupNorm)]
    assert len(norms) == 1 + 2 * 3 + 2
    for norm in norms:
        assert norm.num_groups <= 8
        assert norm.num_channels // norm.num_groups >= min(2, norm.num_channels)
    check_forward(network, torch.randn(3, *shape), 7)


def test_resnet8_has_the_layers_of_its_source() -> None:
    module = ResNet8().build((3, 32, 32), 10)
    convolutions = [each for each in module.modules() if isinstance(each, nn.Conv2d)]
    assert sorted(each.kernel_size[0] for each in convolutions) == [1, 1, *[3] * 7]
    # MLPerf Tiny's network has 77,360 weights of convolutions and 650 of the linear layer.
    weights = sum(each.weight.numel() for each in convolutions)
    linear = sum(p.numel() for p in module[-1].parameters())
    assert (weights, linear) == (16 * 9 * 3 + 2 * 16 * 16 * 9 + 32 * (16 + 32) * 9 + 32 * 16
                                 + 64 * (32 + 64) * 9 + 64 * 32, 650)  # fmt: skip


class Built:
    """A model that builds a given module."""

    def __init__(self, module: object) -> None:
        self.module = module

    def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
        if isinstance(self.module, Exception):
            raise self.module
        return self.module  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.BatchNorm1d(3)), "model Built: layer 0 is BatchNorm1d"),
        (nn.Linear(3, 5), r"model Built: expected outputs of shape \(n, 2\), got \(n, 5\)"),
        (nn.Linear(4, 2), r"model Built: the forward raises RuntimeError on inputs \(n, 3\)"),
        (KeyError("width"), r"model Built: build\(\(3,\), 2\) raises KeyError: 'width'"),
        ("text", "model Built: expected a torch.nn.Module, got str"),
    ],
)
def test_a_model_that_is_refused_is_named(module: object, message: str) -> None:
    examples = Examples(TABLE, np.arange(20) % 2, 2)
    with pytest.raises(BdlbenchError, match=message):
        build_posterior(examples, Built(module), 0.3, CPU)


def test_a_posterior_has_the_outputs_that_its_likelihood_needs() -> None:
    real = Examples(TABLE, RNG.normal(7, 3, size=20))
    classes = Examples(TABLE, np.arange(20) % 2, 2)
    cases: list[tuple[Examples, Likelihood, int]] = [
        (real, Gaussian(0.5), 1),
        (real, Heteroscedastic(), 2),
        (classes, Bernoulli(), 1),
        (classes, Categorical(), 2),
    ]
    for examples, likelihood, outputs in cases:
        posterior, _ = build_posterior(examples, "mlp-4", 0.3, CPU, likelihood)
        assert posterior.network.shapes["3.bias"] == (outputs,)
        assert posterior.gradient(posterior.network.init(2, torch.Generator())).isfinite().all()
        if examples is real:
            assert posterior.y.dtype == torch.float32
            expected = (real.y - real.y.mean()) / real.y.std()
            np.testing.assert_allclose(posterior.y.numpy(), expected, atol=1e-5)
        else:
            assert posterior.y.dtype == torch.int64
        before = examples.y.copy()
        posterior.y.zero_()
        np.testing.assert_array_equal(examples.y, before)


@pytest.mark.parametrize(
    ("y", "classes", "likelihood", "message"),
    [
        (None, None, Categorical(), "expected training examples with labels, got inputs alone"),
        (
            TABLE[:, 0].astype(float),
            None,
            Categorical(),
            "categorical: expected classes",
        ),
        (np.arange(20) % 2, 2, Gaussian(0.5), "gaussian:noise_std=0.5: expected real targets"),
        (np.arange(20) % 3, 3, Bernoulli(), "likelihood bernoulli: expected 2 classes, got 3"),
    ],
)
def test_data_and_likelihood_must_fit(
    y: np.ndarray, classes: int | None, likelihood: Categorical, message: str
) -> None:
    with pytest.raises(BdlbenchError, match=message):
        build_posterior(Examples(TABLE, y, classes), "mlp-4", 0.3, CPU, likelihood)


def test_tokens_reach_the_module_as_they_are() -> None:
    class Tokens:
        def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
            return nn.Sequential(nn.Embedding(9, 4), nn.Flatten(), nn.Linear(4 * 6, outputs))

    tokens = RNG.integers(0, 9, (20, 6))
    posterior, _ = build_posterior(Examples(tokens, np.arange(20) % 3, 3), Tokens(), 0.3, CPU)
    assert torch.equal(posterior.x, torch.from_numpy(tokens))
    network = posterior.network
    assert isinstance(network, Network)
    assert posterior.gradient(network.init(2, torch.Generator())).isfinite().all()
