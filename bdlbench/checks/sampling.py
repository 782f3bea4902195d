"""Run a plugin on a problem whose posterior is known, and measure what it samples."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats

from bdlbench import machine
from bdlbench.exact import ExactPosterior
from bdlbench.problem import Budget, Problem

Array = NDArray[np.float64]
SPACING = 1.0  # relaxation times between draws: the correlation of their squares is e⁻²


class Sampler(Protocol):
    """What a configured plugin can do."""

    def sample(self, problem: Problem, rng: torch.Generator) -> Any:
        """Yield draws of θ."""


@dataclass(frozen=True)
class Effort:
    """Say how much is spent on a measurement.

    Args:
        stiffness: κ = ε·λ_max for a sampler with a step size; Langevin dynamics is stable below 4,
            and its variance is too large by a factor of 1/(1 − κ/4) along the stiffest direction.
        chains: Independent chains: their spread gives the errors.
        draws: Kept of each chain.
        burn_in: Relaxation times before the first draw.
        seed: Of the random numbers.
    """

    stiffness: float
    chains: int
    draws: int
    burn_in: float = 8.0
    seed: int = 0


@dataclass(frozen=True)
class Moments:
    """Hold the moments of draws in coordinates in which the exact posterior is N(0, I).

    Args:
        mean: Shape (dim,).
        covariance: Shape (dim, dim).
        temperature: tr(covariance)/dim: the ratio of the sampled to the exact variance.
        configurational: E[(θ − E θ)ᵀ∇U]/dim, which is T for a sampler of exp(−U/T).
        errors: The same four quantities' standard errors, from the spread over chains.
    """

    mean: Array
    covariance: Array
    temperature: float
    configurational: float
    errors: Moments | None = None


def suited(sampler: Sampler, exact: ExactPosterior, stiffness: float) -> Sampler:
    """Set ``step_size`` to suit the problem's curvature, and ``batch_size`` to its size."""
    names = {*vars(sampler)}
    changes: dict[str, Any] = {}
    if "step_size" in names:
        curvature = 1 / float(torch.linalg.eigvalsh(exact.covariance)[0])
        changes["step_size"] = stiffness / curvature
    if "batch_size" in names:
        changes["batch_size"] = min(sampler.batch_size, exact.posterior.n)  # type: ignore[attr-defined]
    return dataclasses.replace(sampler, **changes)  # type: ignore[type-var]


def problem_for(sampler: Sampler, exact: ExactPosterior, effort: Effort) -> Problem:
    """Give the sampler a budget in which Langevin dynamics at its step size would converge."""
    names = {*vars(sampler)}
    relaxation = 2 * float(torch.linalg.cond(exact.covariance)) / effort.stiffness  # in steps
    times = effort.burn_in + SPACING * effort.draws
    batch = sampler.batch_size if "batch_size" in names else exact.posterior.n  # type: ignore[attr-defined]
    epochs = relaxation * times * batch * effort.chains / exact.posterior.n
    budget = Budget(epochs, effort.draws, effort.burn_in / times)
    return Problem(exact.posterior, budget, chains=effort.chains)


def draws(sampler: Sampler, exact: ExactPosterior, effort: Effort) -> Array:
    """Return draws of shape (draws, chains, dim)."""
    fitted = suited(sampler, exact, effort.stiffness)
    problem = problem_for(fitted, exact, effort)
    rng = torch.Generator().manual_seed(effort.seed)
    with machine.one_thread():
        found = [theta.double().numpy().copy() for theta in fitted.sample(problem, rng)]
    return np.stack(found)


def measure(sampler: Sampler, exact: ExactPosterior, effort: Effort) -> Moments:
    """Sample, and return the moments with their standard errors."""
    return moments(draws(sampler, exact, effort), exact)


def moments(found: Array, exact: ExactPosterior) -> Moments:
    """Return the moments of draws (draws, chains, dim), with errors from the chains' spread."""
    root = np.linalg.cholesky(exact.covariance.numpy())
    centred = found - found.mean(axis=(0, 1))
    white = np.linalg.solve(root, centred.reshape(-1, found.shape[-1]).T).T.reshape(found.shape)
    shift = np.linalg.solve(root, (found - exact.mean.numpy()).mean(axis=0).T).T  # (chains, dim)
    products = np.einsum("kci,kcj->cij", white, white) / len(found)  # (chains, dim, dim)
    temperatures = np.trace(products, axis1=1, axis2=2) / found.shape[-1]
    config = _configurational(found, centred, exact)
    errors = Moments(
        np.asarray(stats.sem(shift, axis=0)),
        np.asarray(stats.sem(products, axis=0)),
        float(stats.sem(temperatures)),
        float(stats.sem(config)),
    )
    return Moments(
        shift.mean(axis=0),
        products.mean(axis=0),
        float(temperatures.mean()),
        float(config.mean()),
        errors,
    )


def _configurational(found: Array, centred: Array, exact: ExactPosterior) -> Array:
    """Return (θ − E θ)ᵀ∇U/dim of every chain, averaged over its draws; shape (chains,)."""
    total = np.zeros(found.shape[1])
    # Twenty draws of each chain are enough; more would cost more than sampling them did.
    step = max(1, len(found) // 20)
    for theta, offset in zip(found[::step], centred[::step], strict=True):
        gradient = exact.posterior.gradient(torch.from_numpy(theta).float()).double().numpy()
        total += (offset * gradient).sum(axis=-1) / found.shape[-1]
    return np.asarray(total / len(found[::step]))
