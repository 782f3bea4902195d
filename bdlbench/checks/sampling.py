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
START = 2.0  # posterior standard deviations: where chains start, farther out than they shall end
ENDLESS = 3  # times the budget, or the draws: who goes as far as that does not stop


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
        chains: Independent chains: their spread gives the errors.
        draws: Kept of each chain.
        burn_in: Relaxation times of Langevin dynamics before the first draw. A sampler that needs
            two evaluations for a step has half as many.
        batch_size: Points in a minibatch, for a sampler that has minibatches; None is all.
        seed: Of the random numbers.
    """

    stiffness: float
    chains: int
    draws: int
    burn_in: float = 6.0
    batch_size: int | None = None
    seed: int = 0


def trial(exact: ExactPosterior, budget: Budget, chains: int = 1, near: bool = False) -> Problem:
    """Return a problem that stops endless samplers.

    Args:
        exact: The posterior.
        budget: What may be spent.
        chains: Number of chains.
        near: Start around the posterior, at `START` times its width, which saves burn-in.
    """

    def stop(progress: float) -> None:
        if problem.epochs > ENDLESS * budget.epochs:
            raise BdlbenchError(
                f"expected at most {budget.epochs:g} epochs, spent {problem.epochs:g} and went "
                "on: loop over problem.steps, or watch problem.remaining"
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
    """Set ``step_size`` to suit the problem's curvature, and ``batch_size`` to the effort's."""
    names, n = {*vars(sampler)}, exact.posterior.n
    changes: dict[str, Any] = {}
    if "step_size" in names:
        curvature = 1 / float(torch.linalg.eigvalsh(exact.covariance)[0])
        changes["step_size"] = effort.stiffness / curvature
    if "batch_size" in names:
        changes["batch_size"] = min(effort.batch_size or n, n)
    return dataclasses.replace(sampler, **changes)  # type: ignore[type-var]


def convergent(sampler: Sampler, exact: ExactPosterior, effort: Effort) -> Problem:
    """Give the sampler a budget in which Langevin dynamics at its step size would converge."""
    relaxation = 2 * float(torch.linalg.cond(exact.covariance)) / effort.stiffness  # in steps
    times = effort.burn_in + SPACING * effort.draws
    batch = getattr(sampler, "batch_size", None) or exact.posterior.n
    epochs = relaxation * times * batch * effort.chains / exact.posterior.n
    budget = Budget(epochs, effort.draws, effort.burn_in / times)
    return trial(exact, budget, effort.chains, near=True)


def draws(sampler: Sampler, exact: ExactPosterior, effort: Effort) -> Array:
    """Return draws of shape (draws, chains, dim).

    Raises:
        BdlbenchError: The draws do not end, are of different shapes, or are not finite.
    """
    fitted = suited(sampler, exact, effort)
    problem = convergent(fitted, exact, effort)
    rng = torch.Generator().manual_seed(effort.seed)
    found: list[Array] = []
    with machine.one_thread():
        for theta in fitted.sample(problem, rng):
            found.append(theta.detach().double().numpy().copy())
            if len(found) > ENDLESS * effort.draws:
                raise BdlbenchError(f"expected {effort.draws} draws, got more and more")
    shape = (effort.chains, problem.dim)
    if not found or any(theta.shape != shape for theta in found):
        got = {theta.shape for theta in found} or f"none in {problem.epochs:.3g} epochs"
        raise BdlbenchError(f"expected draws of shape {shape}, got {got}")
    if not np.isfinite(found).all():
        raise BdlbenchError(f"expected finite draws, got NaN or infinity at κ = {effort.stiffness}")
    return np.stack(found)
