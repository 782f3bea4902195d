"""Posteriors that are not Gaussian: logistic regression and networks with one tanh unit."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from bdlbench.checks.known import POOL, Array, Known, unfolded
from bdlbench.posterior.likelihoods import Bernoulli, Gaussian
from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import Posterior


def skewed(seed: int, least: int = 1) -> Known:
    """Logistic regression on few points, with a skewed posterior, by quadrature on a grid.

    Args:
        seed: Random seed of sizes and data.
        least: Smallest number of points, of a sampler whose batch size is fixed.
    """
    rng = np.random.default_rng((seed, 3))
    points, prior_std = int(rng.integers(10, 15)), float(rng.uniform(2.0, 2.6))
    points = max(points, least)
    x = rng.uniform(-1, 1, (points, 1))
    slope, intercept = rng.choice([-1, 1], 2) * rng.uniform([2.5, 0.8], [4.0, 1.5])
    y = rng.uniform(size=points) < 1 / (1 + np.exp(-slope * x[:, 0] - intercept))
    posterior = _posterior(lambda: nn.Linear(1, 1), Bernoulli(), x, y.astype(float), prior_std)

    def log_density(grid: Array) -> Array:
        logits = grid[:, :1] * x.T + grid[:, 1:]
        log_likelihood = -np.logaddexp(0, np.where(y, -logits, logits)).sum(axis=1)
        return np.asarray(log_likelihood - (grid**2).sum(axis=1) / (2 * prior_std**2))

    pool = _from_grid(log_density, 7 * prior_std, rng)
    return _known(posterior, pool)


def curved(seed: int, least: int = 1) -> Known:
    """The network w₂·tanh(w₁·x): two modes by symmetry, each of them curved.

    Given w₁, the posterior of w₂ is Gaussian; that of w₁ is by quadrature. Arguments as for
    `skewed`.
    """
    rng = np.random.default_rng((seed, 4))
    return _tanh(rng, False, least)


def two_layers(seed: int, least: int = 1) -> Known:
    """A network with one hidden tanh unit and biases, four tensors.

    Given the first layer, the posterior of the second is Gaussian; that of the first is by
    quadrature. Arguments as for `skewed`.
    """
    rng = np.random.default_rng((seed, 5))
    return _tanh(rng, True, least)


def _tanh(rng: np.random.Generator, bias: bool, least: int) -> Known:
    points, prior_std, noise_std = int(rng.integers(7, 11)), float(rng.uniform(0.8, 1.0)), 1.0
    x = np.linspace(-1.5, 1.5, points)[:, None] + rng.uniform(-0.1, 0.1, (points, 1))
    w, v = rng.uniform(0.9, 1.3), rng.uniform(1.4, 1.9)
    b, c = (rng.uniform(-0.5, 0.5, 2)) if bias else (0.0, 0.0)
    y = v * np.tanh(w * x[:, 0] + b) + c + noise_std * rng.standard_normal(points)
    copies = math.ceil(least / points)  # with more noise, the posterior is that of one
    x, y, noise_std = np.tile(x, (copies, 1)), np.tile(y, copies), noise_std * math.sqrt(copies)

    def build() -> nn.Module:
        return nn.Sequential(nn.Linear(1, 1, bias=bias), nn.Tanh(), nn.Linear(1, 1, bias=bias))

    posterior = _posterior(build, Gaussian(noise_std), x, y, prior_std)
    inner = 2 if bias else 1

    def second(first: Array) -> tuple[Array, Array, Array]:
        """Return log evidence, mean and covariance of the second layer given the first."""
        hidden = np.tanh(first[:, :1] * x.T + (first[:, 1:] if bias else 0.0))
        features = np.stack([hidden, np.ones_like(hidden)][:inner], axis=-1)
        gram = np.einsum("gni,gnj->gij", features, features) / noise_std**2
        precision = gram + np.eye(inner) / prior_std**2
        covariance = np.linalg.inv(precision)
        mean = np.einsum("gij,gnj,n->gi", covariance, features, y) / noise_std**2
        evidence = (np.einsum("gi,gij,gj->g", mean, precision, mean)
                    + np.linalg.slogdet(covariance)[1]) / 2  # fmt: skip
        return evidence, mean, covariance

    def log_density(grid: Array) -> Array:
        return np.asarray(second(grid)[0] - (grid**2).sum(axis=1) / (2 * prior_std**2))

    first = _from_grid(log_density, 6 * prior_std, rng, inner)
    _, mean, covariance = second(first)
    normal = rng.standard_normal((len(first), inner, 1))
    outer = mean + (np.linalg.cholesky(covariance) @ normal)[..., 0]
    signs = np.array([-1.0, -1, -1, 1]) if bias else np.array([-1.0, -1])  # tanh is odd
    position = inner  # of w₂ in θ: after the first layer

    def flip(theta: Array) -> Array:
        return signs * theta

    def fold(theta: Array) -> Array:
        return np.where(theta[..., position, None] < 0, signs * theta, theta)

    return _known(posterior, fold(np.concatenate([first, outer], axis=1)), fold, flip)


def _posterior(
    build: Callable[[], nn.Module],
    likelihood: Bernoulli | Gaussian,
    x: Array,
    y: Array,
    prior_std: float,
) -> Posterior:
    inputs, targets = torch.from_numpy(x).float(), torch.from_numpy(y).float()
    with torch.device("meta"):  # no random numbers are used
        module = build()
    return Posterior(Network(module, rebuild=build), likelihood, inputs, targets, prior_std)


def _known(
    posterior: Posterior,
    pool: Array,
    fold: Callable[[Array], Array] = unfolded,
    flip: Callable[[Array], Array] | None = None,
) -> Known:
    """Return a posterior with moments of its draws, and the curvature of nineteen in twenty."""
    curvature = np.quantile(_curvatures(posterior, pool[:200]), 0.95)
    mean, covariance = pool.mean(axis=0), np.cov(pool.T)
    return Known(posterior, pool, float(curvature), mean, covariance, fold, flip)


def _curvatures(posterior: Posterior, theta: Array) -> Array:
    """Return the largest eigenvalue of the Hessian at each θ, by differences of ∇U."""
    step, dim = 1e-2, theta.shape[1]
    shifts = np.concatenate([np.eye(dim), -np.eye(dim)]) * step
    moved = torch.from_numpy((theta[:, None] + shifts).reshape(-1, dim)).float()
    slopes = posterior.gradient(moved).double().numpy().reshape(len(theta), 2, dim, dim)
    hessians = (slopes[:, 0] - slopes[:, 1]) / (2 * step)
    return np.asarray(np.linalg.eigvalsh((hessians + hessians.transpose(0, 2, 1)) / 2)[:, -1])


def _from_grid(
    log_density: Callable[[Array], Array],
    width: float,
    rng: np.random.Generator,
    dim: int = 2,
) -> Array:
    """Draw from a density on ±width, by a grid of cells within which it is constant.

    A first grid finds where the mass is; the second has cells of about a fortieth of the width of
    the posterior, whose variance is thus too large by less than 10⁻⁴.
    """
    low, high = np.full(dim, -width), np.full(dim, width)
    for cells in (200, 400):
        edges = [np.linspace(a, b, cells + 1) for a, b in zip(low, high, strict=True)]
        axes = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dim)
        weights = log_density(grid)
        weights = np.exp(weights - weights.max())
        inside = grid[weights > 1e-9]
        cell = (high - low) / cells
        low, high = inside.min(axis=0) - cell, inside.max(axis=0) + cell
    chosen = rng.choice(len(grid), POOL, p=weights / weights.sum())
    return np.asarray(grid[chosen] + cell * rng.uniform(-0.5, 0.5, (POOL, dim)))
