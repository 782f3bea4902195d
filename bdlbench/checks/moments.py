"""Compare the moments of draws with those of the exact posterior, with standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import stats

from bdlbench.checks.sampling import Array
from bdlbench.posterior.exact import ExactPosterior

TOLERANCE = 0.03  # of the temperature: the bias of Langevin dynamics is half of that at κ = 0.06
MEAN_TOLERANCE = 0.1  # of the mean, in posterior standard deviations
FALSE_ALARM = 1e-3  # probability that an exact sampler fails a check
EVALUATIONS = 5e6  # per-point gradient evaluations: more would cost more than the sampling


@dataclass(frozen=True)
class Estimate:
    """An estimate with its standard error."""

    value: Array
    error: Array


@dataclass(frozen=True)
class Moments:
    """Moments of draws, in coordinates in which the exact posterior has those of N(0, I).

    Args:
        mean: Shape (dim,).
        covariance: Shape (dim, dim).
        temperature: tr(covariance)/dim: the ratio of the sampled to the exact variance.
        equipartition: E[(θ − E θ)(∇U)ᵀ], shape (dim, dim): T·I for every sampler of exp(−U/T) and
            every U; the covariance if the posterior is Gaussian.
        configurational: tr(equipartition)/dim, the configurational temperature.
        spread: Variance between chains at each draw, averaged over dimensions, shape (draws,).
        apart: Variance between the chains' means, averaged over dimensions.
        chains: Number of chains; the errors assume that they are independent.
    """

    mean: Estimate
    covariance: Estimate
    temperature: Estimate
    equipartition: Estimate
    configurational: Estimate
    spread: Array
    apart: float
    chains: int


def moments(found: Array, exact: ExactPosterior) -> Moments:
    """Return the moments of draws (draws, chains, dim), with standard errors over chains.

    Draws within a chain may be correlated; chains must be independent.
    """
    root = np.linalg.cholesky(exact.covariance.numpy())
    white = _whiten(found - exact.mean.numpy(), root)
    centred = white - white.mean(axis=(0, 1))
    products = np.einsum("kci,kcj->cij", centred, centred) / len(found)  # (chains, dim, dim)
    virial = _virial(found, centred, root, exact)
    dim = found.shape[-1]
    return Moments(
        _over_chains(white.mean(axis=0)),
        _over_chains(products),
        _over_chains(np.trace(products, axis1=1, axis2=2) / dim),
        _over_chains(virial),
        _over_chains(np.trace(virial, axis1=1, axis2=2) / dim),
        white.var(axis=1, ddof=1).mean(axis=-1),
        float(white.mean(axis=0).var(axis=0, ddof=1).mean()),
        found.shape[1],
    )


def faults(found: Moments, stiffness: float) -> list[str]:
    """Return the moments that differ from the exact ones: mean, temperature or covariance.

    Each may differ by its tolerance plus as many standard errors as give a family-wise false alarm
    rate of 1/1000 (Bonferroni correction, Student's t).

    Args:
        found: The measured moments.
        stiffness: κ: the variance along an axis may differ by κ/2, twice the bias of Langevin's.
    """
    identity = np.eye(len(found.mean.value))
    allowed: list[tuple[str, Estimate, float | Array, float]] = [
        ("mean", found.mean, 0.0, MEAN_TOLERANCE),
        ("temperature", found.temperature, 1.0, TOLERANCE),
        ("temperature", found.configurational, 1.0, TOLERANCE),
        ("covariance", found.covariance, identity, max(2 * TOLERANCE, stiffness / 2)),
    ]
    sigmas = forgiven(found)
    return [
        name
        for name, estimate, exact, tolerance in allowed
        if not np.all(np.abs(estimate.value - exact) <= tolerance + sigmas * estimate.error)
    ]


def forgiven(found: Moments) -> float:
    """Return the number of standard errors by which each tested moment may differ."""
    dim = len(found.mean.value)
    tests = dim + 2 + dim * (dim + 1) / 2
    return float(stats.t.isf(FALSE_ALARM / (2 * tests), found.chains - 1))


def bias(found: Moments) -> float:
    """Return the largest deviation of mean, temperatures and covariance."""
    dim = len(found.mean.value)
    covariance = np.abs(found.covariance.value - np.eye(dim)).max()
    temperatures = abs(found.temperature.value - 1), abs(found.configurational.value - 1)
    return float(max(np.abs(found.mean.value).max(), covariance, *temperatures))


def extrapolate(fine: Moments, coarse: Moments) -> Moments:
    """Extrapolate moments at ε and 2ε to step size 0 (Richardson): the O(ε) terms cancel."""

    def to_zero(a: Estimate, b: Estimate) -> Estimate:
        return Estimate(2 * a.value - b.value, np.sqrt(4 * a.error**2 + b.error**2))

    return replace(
        fine,
        mean=to_zero(fine.mean, coarse.mean),
        covariance=to_zero(fine.covariance, coarse.covariance),
        temperature=to_zero(fine.temperature, coarse.temperature),
        equipartition=to_zero(fine.equipartition, coarse.equipartition),
        configurational=to_zero(fine.configurational, coarse.configurational),
    )


def _over_chains(values: Array) -> Estimate:
    """Return the mean over chains (the first axis) and its standard error."""
    error = np.asarray(stats.sem(values, axis=0), dtype=np.float64)
    return Estimate(np.asarray(values.mean(axis=0)), error)


def _whiten(offsets: Array, root: Array) -> Array:
    flat = np.linalg.solve(root, offsets.reshape(-1, len(root)).T).T
    return np.asarray(flat.reshape(offsets.shape))


def _virial(draws: Array, centred: Array, root: Array, exact: ExactPosterior) -> Array:
    """Return the mean of (θ − E θ)(∇U)ᵀ over the draws of each chain, shape (chains, dim, dim)."""
    every = math.ceil(draws.shape[0] * draws.shape[1] * exact.posterior.n / EVALUATIONS)
    total = np.zeros((draws.shape[1], len(root), len(root)))
    used = range(0, len(draws), every)
    for k in used:
        theta = torch.from_numpy(draws[k]).float()
        gradient = exact.posterior.gradient(theta).double().numpy() @ root
        total += centred[k][:, :, None] * gradient[:, None, :]
    return total / len(used)
