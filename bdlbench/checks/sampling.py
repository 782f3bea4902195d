"""Run a plugin on a problem with an exactly known posterior."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bdlbench.errors import BdlbenchError
from bdlbench.posterior.exact import ExactPosterior
from bdlbench.problem import Budget, Problem
from bdlbench.runs import machine

Array = NDArray[np.float64]
SPACING = 1.0  # relaxation times between draws: the correlation of their squares is e⁻²
START = 2.0  # scale of the chains' initial states, in posterior standard deviations: overdispersed
ENDLESS = 3  # multiple of the budget, or of the draws, at which a sampler is stopped


class Sampler(Protocol):
    """The interface of a configured plugin."""

    def sample(self, problem: Problem, rng: torch.Generator) -> Any:
        """Yield draws of θ."""


@dataclass(frozen=True)
class Effort:
    """The size of a measurement.

    Args:
        stiffness: κ = ε·λ_max for a sampler with a step size; Langevin dynamics is stable below 4,
            and its variance is too large by a factor of 1/(1 − κ/4) along the stiffest direction.
        chains: Number of independent chains, from which the errors are estimated.
        draws: Draws per chain.
        burn_in: Relaxation times of Langevin dynamics before the first draw; half as many for a
            sampler with two gradient evaluations per step.
        batch_size: Batch size, for a sampler with minibatches; None for the full data.
        seed: Random seed.
    """

    stiffness: float
    chains: int
    draws: int
    burn_in: float = 6.0
    batch_size: int | None = None
    seed: int = 0


def trial(exact: ExactPosterior, budget: Budget, chains: int = 1, near: bool = False) -> Problem:
    """Return a problem that raises a BdlbenchError in samplers that far exceed the budget.

    With ``near``, chains start from the posterior, widened by a factor of `START`.
    """

    def stop(progress: float) -> None:
        if problem.epochs > ENDLESS * budget.epochs:
            raise BdlbenchError(
                f"expected at most {budget.epochs:g} epochs, got {problem.epochs:g} or more: loop "
                "over problem.steps, or check problem.remaining"
            )

    start = partial(_start, exact) if near else None
    problem = Problem(exact.posterior, budget, chains, stop, start)
    return problem


def _start(exact: ExactPosterior, chains: int, rng: torch.Generator) -> Tensor:
    root = torch.linalg.cholesky(exact.covariance)
    normal = torch.randn(chains, len(root), generator=rng, dtype=torch.float64)
    theta: Tensor = exact.mean + START * normal @ root.T
    return theta.float()


def suited(sampler: Sampler, exact: ExactPosterior, effort: Effort) -> Sampler:
    """Set ``step_size`` from the problem's largest curvature, and ``batch_size``."""
    names, n = {*vars(sampler)}, exact.posterior.n
    changes: dict[str, Any] = {}
    if "step_size" in names:
        curvature = 1 / float(torch.linalg.eigvalsh(exact.covariance)[0])
        changes["step_size"] = effort.stiffness / curvature
    if "batch_size" in names:
        changes["batch_size"] = min(effort.batch_size or n, n)
    return dataclasses.replace(sampler, **changes)  # type: ignore[type-var]


def convergent(sampler: Sampler, exact: ExactPosterior, effort: Effort) -> Problem:
    """Return a problem with a budget in which Langevin dynamics converges at this stiffness."""
    relaxation = 2 * float(torch.linalg.cond(exact.covariance)) / effort.stiffness  # in steps
    times = effort.burn_in + SPACING * effort.draws
    batch_size = getattr(sampler, "batch_size", None) or exact.posterior.n
    epochs = relaxation * times * batch_size * effort.chains / exact.posterior.n
    budget = Budget(epochs, effort.draws, effort.burn_in / times)
    return trial(exact, budget, effort.chains, near=True)


def draws(sampler: Sampler, exact: ExactPosterior, effort: Effort) -> Array:
    """Return draws of shape (draws, chains, dim).

    Raises:
        BdlbenchError: There are none or too many, or their shape or values are invalid.
    """
    fitted = suited(sampler, exact, effort)
    problem = convergent(fitted, exact, effort)
    rng = torch.Generator().manual_seed(effort.seed)
    collected: list[Array] = []
    with machine.one_thread():
        for theta in fitted.sample(problem, rng):
            collected.append(theta.detach().double().numpy().copy())
            if len(collected) > ENDLESS * effort.draws:
                raise BdlbenchError(f"expected {effort.draws} draws, got too many")
    shape = (effort.chains, problem.dim)
    if not collected or any(theta.shape != shape for theta in collected):
        got = {theta.shape for theta in collected} or f"none in {problem.epochs:.3g} epochs"
        raise BdlbenchError(f"expected draws of shape {shape}, got {got}")
    if not np.isfinite(collected).all():
        raise BdlbenchError(f"expected finite draws, got NaN or infinity at κ = {effort.stiffness}")
    return np.stack(collected)
