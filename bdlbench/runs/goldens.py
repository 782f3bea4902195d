"""Compute the goldens: numbers that cover all numerical code of a run.

`acceptance.moved` compares them with ``goldens.json``: they must be bitwise identical in an
environment with stored digests, and within the tolerance of `bdlbench.runs.rounding` elsewhere.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import jax
import numpy as np
import torch
from torch import Tensor

from bdlbench import metrics, noise, optim, registry
from bdlbench.data.examples import Examples
from bdlbench.data.scaler import Scaler
from bdlbench.metrics import scores
from bdlbench.metrics.controls import control_aurocs
from bdlbench.posterior import exact, models
from bdlbench.posterior.jax_callback import CalledPotential, Torch
from bdlbench.posterior.potential import Posterior, build_posterior
from bdlbench.posterior.regression import LearntGaussian
from bdlbench.posterior.to_jax import translated
from bdlbench.problem import Budget, Problem
from bdlbench.records import quantization
from bdlbench.records.predictions import Predictions
from bdlbench.runs import golden_models, golden_predictions, machine
from bdlbench.runs.evaluate import predict
from bdlbench.runs.rounding import FLOAT64, Golden, rounded, unrounded
from bdlbench.settings import fields as settings_of

CPU = torch.device("cpu")
MODELS = ("softmax", "mlp-50", "mlp-400-400", "lenet5")
PIXELS = 784  # terms of the longest sum in a layer of the models sampled here
SAMPLERS: dict[str, list[dict[str, Any]]] = {  # hyperparameters that together cover every line
    "csgld": [{}, {"cycles": 2, "exploration": 0.9}],
    "deep-ensemble": [{"momentum": 0.9}],
    "hmc": [{}, {"trajectory_length": 0.1}],
    "laplace": [{"temperature": 0.5}],
    "mc-dropout": [{}],
    "nuts": [{}],
    "psgld": [{"decay": 0.5}, {"freeze": False, "temperature": 0.5}],
    "sgd": [{}, {"momentum": 0.0}],
    "sgd-covariance": [{}],
    "sghmc": [{"temperature": 0.5}],
    "sgld": [{}, {"decay": 0.5, "temperature": 0.5}],
    "swag": [{}],
    "temperature-scaling": [{}],
}
BATCH = 8  # batch size
IN_JAX = ("hmc", "nuts")  # float32 only


def compute() -> dict[str, Golden]:
    """Return all goldens by name, computed with the current code."""
    own = golden_models.compute, golden_predictions.compute
    parts = (_clock, _noise, _models, *own, _optimizers, _samplers, _scores)
    with machine.one_thread():
        return {name: golden for part in parts for name, golden in part()}


def _images(count: int, seed: int) -> Examples:
    """Return noise images with a bright bar whose position is the class."""
    rng = np.random.default_rng(seed)  # integers do not depend on the processor
    pixels = rng.integers(0, 120, (count, 28, 28)).astype(np.uint8)
    labels = np.arange(count, dtype=np.int64) % 10
    for image, label in zip(pixels, labels, strict=True):
        image[2 * label : 2 * label + 4] += 100
    return Examples(pixels, labels, 10)


@cache
def _posterior(model: str, count: int = 40) -> tuple[Posterior, Scaler]:
    return build_posterior(_images(count, seed=0), model, prior_std=0.3, device=CPU)


def _rng(seed: int = 0) -> torch.Generator:
    return noise.generator(seed, CPU)


def _clock() -> Iterator[tuple[str, Golden]]:
    """Cover all cases of the step schedule; integers, the same on every processor."""
    posterior = exact.linear_regression(n=50).posterior
    cases = {"minibatches": (8, 2, 0), "all data": (None, 1, 0), "whole minibatches": (50, 1, 0)}
    for label, (size, chains, cost) in (cases | {"costly steps": (7, 1, 40)}).items():
        problem, values = Problem(posterior, Budget(7, 5, 0.25), chains), []
        for until in (0.4, 1.0):
            for batch, keep in problem.steps(size, _rng(), until=until):
                problem.charge(cost)
                rows = [-1] if batch is None else batch.flatten().tolist()
                values += [*rows, int(keep), round(problem.epochs * problem.n), problem.remaining]
        yield f"clock, {label}", unrounded(values)
    problem, theta = Problem(posterior, Budget(7, 5)), torch.ones(1, 2)
    potentials = [problem.potential(theta), problem.potential(theta, torch.arange(5)[None])]
    yield "U of a problem", rounded(torch.stack(potentials), posterior.n)
    yield "what U costs", unrounded(round(problem.epochs * problem.n))
    product = problem.hvp(theta, 2 * theta, torch.arange(5)[None])
    yield "∇²U of a problem", rounded(product, posterior.n)
    outputs = problem.module(theta, problem.posterior.x)
    yield "outputs of a problem", rounded(outputs.detach(), terms=4)
    yield "what ∇²U and outputs cost", unrounded(round(problem.epochs * problem.n))


def _noise() -> Iterator[tuple[str, Golden]]:
    """Draw noise of sizes around a SIMD block, with and without drift, and in float64."""
    drawn = []
    for size in (1, 64, 127, 128, 129, 1000):
        drift = torch.linspace(-1, 1, size)
        drawn.append(noise.normal_like(drift, _rng(size)))
        drawn.append(noise.add_normal_(torch.ones(size), 0.3, _rng(size), drift, -0.01))
    yield "noise", rounded(torch.cat(drawn), terms=16)
    double = torch.linspace(-1, 1, 100, dtype=torch.float64)
    noisy = noise.add_normal_(double.clone(), 0.3, _rng(), double, -0.01)
    yield "noise, float64", rounded(noisy, 16, FLOAT64)


def _models() -> Iterator[tuple[str, Golden]]:
    """Evaluate outputs, U and ∇U of each shared model and likelihood, in torch and in JAX."""
    for model in MODELS:
        posterior, _ = _posterior(model)
        theta = posterior.network.init(2, _rng())
        batch = torch.arange(16).view(2, 8)
        with torch.no_grad():
            inputs = posterior.x.expand(2, *posterior.x.shape)
            outputs = posterior.network(posterior.network.unflatten(theta), inputs)
        terms = PIXELS * posterior.n
        yield f"{model}: initial θ", rounded(theta, terms=4)
        yield f"{model}: outputs", rounded(outputs, PIXELS)
        for label, rows in (("", None), (" of a minibatch", batch)):
            yield f"{model}: U{label}", rounded(posterior.potential(theta, rows), terms)
            yield f"{model}: ∇U{label}", rounded(posterior.gradient(theta, rows), terms)
        one = posterior.gradient(theta[:1], batch[:1])
        yield f"{model}: ∇U of one chain", rounded(one, terms)
        yield from _in_jax(model, posterior, theta[0], terms)
    posterior, _ = _posterior("softmax", 10_001)  # more than one chunk of data
    theta = posterior.network.init(1, _rng())
    yield "softmax: ∇U of much data", rounded(posterior.gradient(theta), PIXELS * posterior.n)
    theta = torch.tensor([[0.5, -1.0], [2.0, 0.3]])
    known = {"Gaussian": exact.linear_regression(), "Bernoulli": exact.logistic_regression()}
    for label, problem in known.items():
        posterior = problem.posterior
        yield f"{label}: U", rounded(posterior.potential(theta), posterior.n)
        yield f"{label}: ∇U", rounded(posterior.gradient(theta), posterior.n)
        yield from _in_jax(label, posterior, theta[0], posterior.n)


def _in_jax(
    label: str, posterior: Posterior, theta: Tensor, terms: int
) -> Iterator[tuple[str, Golden]]:
    potential, point = translated(posterior), jax.numpy.asarray(theta.numpy())
    yield f"{label}: U without ∇U in JAX", rounded(potential(point), terms)
    value, gradient = jax.value_and_grad(potential)(point)
    yield f"{label}: U in JAX", rounded(value, terms)
    yield f"{label}: ∇U in JAX", rounded(gradient, terms)
    called = CalledPotential(Torch(posterior))
    value, gradient = jax.value_and_grad(called)(point)
    called.check()
    yield f"{label}: U called from JAX", rounded(value, terms)
    yield f"{label}: ∇U called from JAX", rounded(gradient, terms)
    few = CalledPotential(called.torch, jax.numpy.arange(5))
    yield f"{label}: U of a minibatch called from JAX", rounded(few(point), terms)
    values = jax.vmap(called)(point[None])
    yield f"{label}: U of chains called from JAX", rounded(values, terms)
    outputs = potential.outputs(point, jax.numpy.asarray(posterior.x.numpy()))
    yield f"{label}: outputs in JAX", rounded(outputs, terms)


def _optimizers() -> Iterator[tuple[str, Golden]]:
    """Take steps in float64, where rounding hides no bug."""
    settings = {"SGLD": (0.02, 0.7), "PSGLD": (0.02, 0.7), "SGHMC": (0.02, 0.6, 0.7)}
    for name, values in settings.items():
        theta = torch.linspace(-1, 2, 30, dtype=torch.float64).requires_grad_()
        others = torch.zeros(2, requires_grad=True)  # parameters without a gradient
        optimizer = getattr(optim, name)([theta, others], *values, generator=_rng())

        def loss(theta: Tensor = theta) -> float:
            theta.grad = None
            value = theta.square().sum() + theta.exp().sum()
            value.backward()
            return value.item()

        losses = [optimizer.step(loss) for _ in range(4)]
        optimizer.step()
        yield f"optim.{name}, float64", rounded(theta.detach(), 1000, FLOAT64)
        yield f"optim.{name}, float64: losses", rounded(losses, 1000, FLOAT64)


def _samplers() -> Iterator[tuple[str, Golden]]:
    """Run every built-in sampler on a small problem, in float32 and in float64."""
    posterior, scaler = _posterior("mlp-8")
    budget = Budget(epochs=12, draws=3, burn_in=0.5)
    double = dataclasses.replace(posterior, x=posterior.x.double())
    steps = 12 * posterior.n // BATCH
    for name, variants in SAMPLERS.items():
        plugin = registry.load("samplers", name)
        for settings in variants:
            batches = {"batch_size": BATCH} if "batch_size" in settings_of(plugin) else {}
            sampler = registry.configure(plugin, batches | settings)
            label = f"{name}, {settings}" if settings else name
            for chains in (1, 2):
                problem = Problem(posterior, budget, chains)
                draws = _draws(sampler, problem)
                spent = round(problem.epochs * problem.n)
                yield f"{label}, {chains} chains", rounded(draws, PIXELS * steps)
                yield f"{label}, {chains} chains: spent", unrounded(spent)
                if label == "sgld" and chains == 1:
                    yield from _predictions(posterior, scaler, draws[:, 0])
            if name not in IN_JAX:
                # From an initial state in float64, all updates are in float64.
                problem = Problem(double, budget, 2, start=_in_double(double))
                draws = _draws(sampler, problem)
                yield f"{label}, float64", rounded(draws, PIXELS * steps, FLOAT64)
    yield from _scaled_noise()
    hmc = registry.configure(registry.load("samplers", "hmc"), {})
    draws = _draws(hmc, Problem(posterior, Budget(epochs=3, draws=10)))  # more draws than gradients
    yield "hmc, few gradients", rounded(draws, PIXELS)


def _scaled_noise() -> Iterator[tuple[str, Golden]]:
    """Run temperature scaling on a regression, whose learnt noise is scaled."""
    x = torch.linspace(-1, 1, 40)[:, None]
    network = models.network("mlp-4", (1,), 1, constants=1)
    posterior = Posterior(network, LearntGaussian(), x, (7 * x[:, 0]).sin(), prior_std=0.3)
    settings = {"batch_size": BATCH}
    sampler = registry.configure(registry.load("samplers", "temperature-scaling"), settings)
    draws = _draws(sampler, Problem(posterior, Budget(epochs=12, draws=1), 2))
    yield "temperature-scaling, real targets", rounded(draws, PIXELS * posterior.n)


def _in_double(posterior: Posterior) -> Callable[[int, torch.Generator], Tensor]:
    return lambda chains, rng: posterior.network.init(chains, rng).double()


def _draws(sampler: Any, problem: Problem) -> Tensor:
    """Return all draws of a sampler, shape (draws, chains, dim)."""
    return torch.stack([theta.clone() for theta in sampler.sample(problem, _rng(7))])


def _predictions(
    posterior: Posterior, scaler: Scaler, draws: Tensor
) -> Iterator[tuple[str, Golden]]:
    sets = {"test": _images(30, seed=1), "letters": _images(20, seed=2)}
    spent = [float(1 + index) for index in range(len(draws))]
    predictions = predict(posterior.network, draws, sets, scaler, CPU, epochs=spent)
    unit = quantization.PRECISION  # another processor may round to the other neighbour
    for name, averaged in predictions.items():
        for field, array in vars(averaged).items():
            if array is not None:
                terms = int(array.dtype.kind == "f")
                yield f"predictions of {name}: {field}", rounded(array, terms, unit)


def _scores() -> Iterator[tuple[str, Golden]]:
    """Score synthetic predictions with ties, and compute control rows."""
    rng = np.random.default_rng(3)
    sets = {name: _synthetic(rng, count) for name, count in (("test", 300), ("letters", 200))}
    values = [value for name, value in scores.score(sets).items() if name not in scores.ADDED]
    yield "metrics", Golden(np.array(values), scores.TOLERANCE, bits=False)
    p, expected = sets["test"].probabilities, sets["test"].expected_entropy
    entropy, information = metrics.predictive_entropy(p), metrics.mutual_information(p, expected)
    yield "scores of inputs", rounded(np.stack([entropy, information]), 100, FLOAT64)
    yield "dense ranks", unrounded(metrics.dense_ranks(entropy))
    train, inside, outside = (_images(n, seed=n).x for n in (60, 50, 40))
    controls = list(control_aurocs(train, inside, outside).values())
    yield "control rows", Golden(np.array(controls), scores.TOLERANCE, bits=False)


def _synthetic(rng: np.random.Generator, count: int) -> Predictions:
    logits = rng.integers(-40, 40, (count, 10)) / 8  # coarse, so that many inputs are tied
    log_p = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    stored, votes = quantization.shorten(log_p), np.zeros((1, count), np.uint8)
    entropy = metrics.predictive_entropy(quantization.to_probabilities(stored))
    expected = (entropy * (rng.integers(0, 5, count) / 4)).astype(np.float32)
    return Predictions(stored, expected, votes, labels=rng.integers(0, 10, count))
