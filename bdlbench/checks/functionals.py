"""What is measured of draws: functions of θ whose expectation under the posterior is known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from bdlbench.checks.known import Array, Known, places

TOTAL = "temperature"  # tr(covariance)/dim in coordinates in which it should be 1
OF_TENSOR = "temperature of "  # followed by the name of a tensor
BOUNDS = {  # the largest deviations that are called exact
    "mean": 0.12,  # posterior standard deviations
    "variance": 0.13,  # of the exact variance, along each axis
    "covariance": 0.13,  # of the exact variances
    TOTAL: 0.05,
    OF_TENSOR: 0.15,
    "energy": 0.15,  # E[U], in standard deviations of U
    "spread of the energy": 0.3,  # its variance, relative
    "shape": 0.045,  # probability of being below a quantile
    "modes": 0.2,  # probability of one of two equivalent modes
}
QUANTILES = (0.05, 0.5, 0.95)
PROJECTIONS = 3
EXACT = 20_000  # exact draws from which expectations are computed


@dataclass(frozen=True)
class Group:
    """Functions of one kind.

    Args:
        name: A key of `BOUNDS`, followed by the name of a tensor for its temperature.
        values: Of every draw, shape (draws, chains, functions).
        expected: Their expectations, shape (functions,).
        uncertainty: Standard errors of `expected`.
    """

    name: str
    values: Array
    expected: Array
    uncertainty: Array

    @property
    def bound(self) -> float:
        """The largest deviation that is called exact."""
        return BOUNDS[OF_TENSOR if self.name.startswith(OF_TENSOR) else self.name]


def evaluate(known: Known, theta: Array, temperature: float = 1.0) -> Iterator[Group]:
    """Evaluate all functions of θ, shape (draws, chains, dim).

    Args:
        known: The problem.
        theta: The draws.
        temperature: The requested temperature; draws from a Gaussian posterior are rescaled to 1.
    """
    theta = known.at_one(theta, temperature)
    white, dim = known.whiten(theta), theta.shape[-1]
    zero = np.zeros(dim)
    yield Group("mean", white, zero, zero)
    yield Group("variance", white**2, zero + 1, zero)
    yield Group(TOTAL, (white**2).mean(axis=-1, keepdims=True), np.ones(1), np.zeros(1))
    first, second = np.triu_indices(dim, 1)
    pairs = np.zeros(len(first))
    yield Group("covariance", white[..., first] * white[..., second], pairs, pairs)
    yield from _energies(known, theta, white)
    yield from _shapes(known, theta, white)


def _energies(known: Known, theta: Array, white: Array) -> Iterator[Group]:
    """Evaluate U and the virial (θ − E θ)·∇U, which is T in every coordinate, for every U."""
    energy, slope = _potential(known, theta, white)
    sample = known.pool[:EXACT]
    exact, _ = _potential(known, sample[None], known.whiten(sample)[None])
    mean, deviation = exact.mean(), exact.std()
    scaled, pool = (energy - mean) / deviation, (exact[0] - mean) / deviation
    for name, values, expected in (("energy", scaled, pool), ("spread of the energy", scaled**2,
                                                             pool**2)):  # fmt: skip
        error = expected.std() / math.sqrt(len(expected))
        yield Group(name, values[..., None], np.array([expected.mean()]), np.array([error]))
    # With several modes θ is not centred: the identity holds for θ·∇U over all of them.
    offsets = theta - known.mean if known.flip is None else theta
    virial = offsets * slope
    for name, part in places(known.posterior.network).items():
        mean_of_tensor = virial[..., part].mean(axis=-1, keepdims=True)
        yield Group(OF_TENSOR + name, mean_of_tensor, np.ones(1), np.zeros(1))


def _potential(known: Known, theta: Array, white: Array) -> tuple[Array, Array]:
    """Return U, up to a constant, and ∇U of θ (draws, chains, dim)."""
    if known.gaussian:
        slope = np.linalg.solve(known.root.T, white.reshape(-1, white.shape[-1]).T).T
        energy = np.asarray((white**2).sum(axis=-1) / 2)
        return energy, np.asarray(slope.reshape(white.shape), np.float64)
    flat = torch.from_numpy(theta.reshape(-1, theta.shape[-1])).float()
    parts = [known.posterior.value_and_gradient(part) for part in flat.split(20_000)]
    energies = torch.cat([part[0] for part in parts]).double().numpy()
    slopes = torch.cat([part[1] for part in parts]).double().numpy()
    return energies.reshape(theta.shape[:-1]), slopes.reshape(theta.shape)


def _shapes(known: Known, theta: Array, white: Array) -> Iterator[Group]:
    """Evaluate whether θ, projections of it and outputs of the network are below quantiles."""
    sample = known.pool[:EXACT]
    rng = np.random.default_rng(len(sample[0]))
    directions = rng.standard_normal((sample.shape[1], PROJECTIONS))
    directions /= np.linalg.norm(directions, axis=0)

    def features(theta: Array, white: Array) -> Array:
        some = white[..., :6]
        return np.concatenate([some, white @ directions, _outputs(known, theta)], axis=-1)

    exact = features(sample, known.whiten(sample))
    values = features(theta, white)
    cuts = np.quantile(exact, QUANTILES, axis=0)  # (quantiles, features)
    below = np.concatenate([values <= cut for cut in cuts], axis=-1).astype(float)
    level = np.repeat(QUANTILES, len(cuts[0]))
    yield Group("shape", below, level, np.sqrt(level * (1 - level) / len(sample)))
    if known.flip is not None:
        mode = (known.fold(theta) == theta).all(axis=-1, keepdims=True).astype(float)
        yield Group("modes", mode, np.array([0.5]), np.zeros(1))


def _outputs(known: Known, theta: Array) -> Array:
    """Return the network's outputs at two training inputs, shape (…, 2)."""
    network, x = known.posterior.network, known.posterior.x[:2]
    flat = torch.from_numpy(theta.reshape(-1, theta.shape[-1])).float()
    with torch.no_grad():
        outputs = [
            network(network.unflatten(part), x.expand(len(part), *x.shape))[..., 0]
            for part in flat.split(20_000)
        ]
    return torch.cat(outputs).double().numpy().reshape(*theta.shape[:-1], len(x))
