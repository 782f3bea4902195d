"""Compare the moments of draws with those of the exact posterior, with standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import stats

from bdlbench.checks.sampling import Array
from bdlbench.posterior.exact import ExactPosterior

TOLERANCE = 0.03  # of the temperature: Langevin dynamics is off by half of that at κ = 0.06
MEAN_TOLERANCE = 0.1  # of the mean, in posterior standard deviations
FALSE_ALARM = 1e-3  # probability that an exact sampler fails a check
EVALUATIONS = 5e6  # of the gradient on one training point: more would cost more than sampling did


@dataclass(frozen=True)
class Estimate:
    """A number or an array, with standard errors."""

    value: Array
    error: Array


@dataclass(frozen=True)
class Moments:
    """Moments of draws, in coordinates in which the exact posterior has those of N(0, I).

    Args:
        mean: Shape (dim,).
        covariance: Shape (dim, dim).
        temperature: tr(covariance)/dim: the ratio of the sampled to the exact variance.
        equipartition: E[(θ − E θ)(∇U)ᵀ], shape (dim, dim), which is T·I for every sampler of
            exp(−U/T), whatever U is; for a Gaussian it is the covariance.
        configurational: tr(equipartition)/dim, the configurational temperature.
        spread: The variance between the chains at each draw, averaged over dimensions.
        apart: The variance between the means of the chains, averaged over dimensions.
        chains: Number of chains, whose independence the errors rest on.
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
    """Return the moments of draws (draws, chains, dim), with errors from the chains' spread.

    Draws of one chain may depend on each other; chains must not.
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
    """Return the failed moments: mean, temperature, covariance; empty for an exact sampler.

    Each number may be off by its tolerance and by as many standard errors as make all of them
    together a false alarm once in a thousand (Bonferroni's bound, Student's t).

    Args:
        found: What was measured.
        stiffness: κ: the variance along an axis may be off by κ/2, twice what Langevin's is.
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
    """Return the number of standard errors by which each tested number may differ."""
    dim = len(found.mean.value)
    numbers = dim + 2 + dim * (dim + 1) / 2
    return float(stats.t.isf(FALSE_ALARM / (2 * numbers), found.chains - 1))


def bias(found: Moments) -> float:
    """Return the largest deviations of mean, temperatures and covariance."""
    dim = len(found.mean.value)
    covariance = np.abs(found.covariance.value - np.eye(dim)).max()
    temperatures = abs(found.temperature.value - 1), abs(found.configurational.value - 1)
    return float(max(np.abs(found.mean.value).max(), covariance, *temperatures))


def extrapolate(fine: Moments, coarse: Moments) -> Moments:
    """Return the moments at step size 0 from those at ε and 2ε: the O(ε) terms cancel."""

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


def _virial(found: Array, centred: Array, root: Array, exact: ExactPosterior) -> Array:
    """Return (θ − E θ)(∇U)ᵀ of every chain, averaged over its draws; shape (chains, dim, dim)."""
    every = math.ceil(found.shape[0] * found.shape[1] * exact.posterior.n / EVALUATIONS)
    total = np.zeros((found.shape[1], len(root), len(root)))
    used = range(0, len(found), every)
    for k in used:
        theta = torch.from_numpy(found[k]).float()
        gradient = exact.posterior.gradient(theta).double().numpy() @ root
        total += centred[k][:, :, None] * gradient[:, None, :]
    return total / len(used)
