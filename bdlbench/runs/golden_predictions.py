"""Goldens of posteriors on data of every kind, in torch and in JAX, and of their predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import Tensor, nn

from bdlbench import metrics
from bdlbench.data.examples import Examples
from bdlbench.posterior.jax_callback import CalledPotential, Torch
from bdlbench.posterior.likelihoods import (
    Bernoulli,
    Categorical,
    Gaussian,
    Heteroscedastic,
    LearntGaussian,
    Likelihood,
    StudentT,
    label,
)
from bdlbench.posterior.potential import build_posterior
from bdlbench.posterior.to_jax import to_jax
from bdlbench.records import quantization
from bdlbench.records.densities import Densities
from bdlbench.runs.evaluate import predict
from bdlbench.runs.rounding import FLOAT64, Golden, rounded

CPU = torch.device("cpu")
ROWS, COLUMNS, WIDTH = 24, 5, 6
TERMS = ROWS * 3 * 64  # of the longest sum: gradients of the residual network over all inputs
REAL: tuple[Likelihood, ...] = (Gaussian(0.5), LearntGaussian(), Heteroscedastic(), StudentT())


class _Residual(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(inputs, WIDTH), nn.Linear(WIDTH, outputs)
        self.middle = nn.Linear(WIDTH, WIDTH)
        self.register_buffer("shift", torch.full((WIDTH,), 0.1))

    def forward(self, x: Tensor) -> Tensor:
        h: Tensor = torch.tanh(self.first(x.flatten(1))) + self.shift  # type: ignore[operator]
        return self.last(h + torch.tanh(self.middle(h)))  # type: ignore[no-any-return]


class _Tokens(nn.Module):
    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.embedding, self.last = nn.Embedding(4, WIDTH), nn.Linear(WIDTH, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.embedding(x).mean(1))  # type: ignore[no-any-return]


@dataclass(frozen=True)
class _Own:
    """A model that is no Sequential."""

    tokens: bool = False

    def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
        return _Tokens(outputs) if self.tokens else _Residual(int(np.prod(input_shape)), outputs)


@dataclass(frozen=True)
class _WithoutSlope:
    """A likelihood that leaves its slope to autograd, and is not translated to JAX."""

    kind: ClassVar[Any] = "classes"
    constants: ClassVar[int] = 0

    def outputs(self, classes: int | None) -> int:
        return classes or 0

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        return outputs.log_softmax(-1).gather(-1, y[..., None])[..., 0]


def compute() -> Iterator[tuple[str, Golden]]:
    """Yield the goldens by name."""
    table = _table()
    for likelihood in REAL:
        name = label(likelihood)
        yield from _posterior(f"residual, {name}", _Own(), table, likelihood)
        yield from _posterior(f"mlp-6, {name}", "mlp-6", table, likelihood)
    rng = np.random.default_rng(5)
    classes, two = np.arange(ROWS) % 3, np.arange(ROWS) % 2
    colours = rng.integers(0, 256, (ROWS, 3, 8, 8)).astype(np.uint8)
    tokens = rng.integers(0, 4, (ROWS, 7))
    images = Examples(colours, classes, 3)
    yield from _posterior("resnet8", "resnet8:width=4", images, Categorical())
    yield from _posterior("tokens", _Own(tokens=True), Examples(tokens, classes, 3), Categorical())
    yield from _posterior("two classes", _Own(), Examples(table.x, two, 2), Bernoulli())
    yield from _posterior("no slope", "mlp-6", Examples(table.x, classes, 3), _WithoutSlope())
    yield "metrics of classes", _metrics()


def _table() -> Examples:
    """Return a regression on columns, one of which is constant, from integers."""
    rng = np.random.default_rng(4)
    x = rng.integers(-50, 50, (ROWS, COLUMNS)) / 16
    x[:, 2] = 1.5
    return Examples(x, x[:, 0] * x[:, 1] + rng.integers(-8, 8, ROWS) / 16)


def _posterior(
    name: str, model: Any, examples: Examples, likelihood: Any
) -> Iterator[tuple[str, Golden]]:
    posterior, scaler = build_posterior(examples, model, 0.5, CPU, likelihood)
    theta = posterior.network.init(2, torch.Generator().manual_seed(3))
    batch = torch.arange(16).view(2, 8)
    yield f"{name}: inputs", rounded(posterior.x.double(), 4)
    yield f"{name}: targets", rounded(posterior.y.double(), 4)
    yield f"{name}: initial θ", rounded(theta, 4)
    for what, rows in (("", None), (" of a minibatch", batch)):
        yield f"{name}: U{what}", rounded(posterior.potential(theta, rows), TERMS)
        yield f"{name}: ∇U{what}", rounded(posterior.gradient(theta, rows), TERMS)
    yield f"{name}: ∇U of one chain", rounded(posterior.gradient(theta[1:]), TERMS)
    yield from _in_jax(name, posterior, theta)
    if hasattr(likelihood, "location_scale") or hasattr(likelihood, "log_probabilities"):
        sets = {"test": examples, "other": Examples(examples.x)}
        found = predict(posterior.network, theta, sets, scaler, CPU, likelihood=likelihood)
        for each, predicted in found.items():
            if isinstance(predicted, Densities):
                yield f"{name}: location of {each}", rounded(predicted.location, TERMS)
                yield f"{name}: scale of {each}", rounded(predicted.scale, TERMS)
            else:  # another processor may round to the other neighbour
                values = predicted.log_probabilities
                yield f"{name}: log p of {each}", rounded(values, 1, quantization.PRECISION)


def _in_jax(name: str, posterior: Any, theta: Tensor) -> Iterator[tuple[str, Golden]]:
    points = jnp.asarray(theta.numpy())
    potential = to_jax(posterior)
    value, gradient = jax.vmap(jax.value_and_grad(potential))(points)
    yield f"{name}: U in JAX", rounded(np.asarray(value), TERMS)
    yield f"{name}: ∇U in JAX", rounded(np.asarray(gradient), TERMS)
    if isinstance(potential, CalledPotential):
        called, _ = jax.jit(jax.value_and_grad(CalledPotential(Torch(posterior))))(points[0])
        yield f"{name}: U called from JAX", rounded(np.asarray(called), TERMS)
        potential.check()


def _metrics() -> Golden:
    rng = np.random.default_rng(6)
    counts = rng.integers(1, 40, (60, 4)).astype(np.float64)
    p, labels = counts / counts.sum(axis=1, keepdims=True), np.arange(60) % 4
    functions = (
        metrics.accuracy, metrics.negative_log_likelihood, metrics.brier_score,
        metrics.expected_calibration_error, metrics.adaptive_calibration_error,
    )  # fmt: skip
    return rounded(np.array([function(p, labels) for function in functions]), 1000, FLOAT64)
