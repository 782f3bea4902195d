"""Run a plugin on a problem of which exact draws are known."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from bdlbench.checks.known import Array, Known
from bdlbench.checks.linear_problems import tensors
from bdlbench.checks.trial import CALLS, ENDLESS, Trial
from bdlbench.errors import BdlbenchError
from bdlbench.problem import Budget, Problem
from bdlbench.runs import machine

PROBED = 4096  # points of the problem on which the batch size is found


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
        chains: Number of independent chains that start at exact draws.
        wide: Number of further chains that start from over-dispersed states.
        draws: Draws per chain.
        burn_in: Relaxation times of Langevin dynamics before the first draw.
        spacing: Relaxation times between draws.
        batch_size: Batch size, for a sampler with minibatches; None for the full data.
        temperature: The requested temperature.
        seed: Random seed.
    """

    stiffness: float
    chains: int
    draws: int
    wide: int = 0
    burn_in: float = 4.0
    spacing: float = 1.0
    batch_size: int | None = None
    temperature: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Sampled:
    """What a sampler has drawn.

    Args:
        start: Initial states, shape (chains, dim); the last `wide` are over-dispersed.
        draws: Draws, shape (draws, chains, dim).
    """

    start: Array
    draws: Array


def stepped(sampler: Sampler, epsilon: float) -> Sampler | None:
    """Return the sampler with the step of Langevin dynamics with ε; None if it has no step size.

    A plugin whose step size is not ε declares its convention by ``langevin_step(epsilon)``, which
    returns a copy of it.
    """
    own = getattr(sampler, "langevin_step", None)
    if own is not None:
        return own(epsilon)  # type: ignore[no-any-return]
    if "step_size" not in vars(sampler):
        return None
    return replace(sampler, step_size=epsilon)  # type: ignore[type-var]


def fitted(sampler: Sampler, epsilon: float, batch_size: int) -> Sampler:
    """Set the step of Langevin dynamics and the batch size, as far as a sampler has them."""
    sampler = stepped(sampler, epsilon) or sampler
    if "batch_size" in vars(sampler):
        sampler = replace(sampler, batch_size=batch_size)  # type: ignore[type-var]
    return sampler


def suited(sampler: Sampler, known: Known, effort: Effort) -> Sampler:
    """Set step size, batch size and temperature."""
    n = known.posterior.n
    sampler = fitted(sampler, effort.stiffness / known.curvature, min(effort.batch_size or n, n))
    if effort.temperature != 1:
        sampler = replace(sampler, temperature=effort.temperature)  # type: ignore[type-var]
    return sampler


def budget(known: Known, effort: Effort, batch_size: int) -> Budget:
    """Return the budget in which Langevin dynamics converges at this stiffness."""
    times = effort.burn_in + effort.spacing * effort.draws
    steps = max(times * known.relaxation / effort.stiffness, 2 * effort.draws)
    chains = effort.chains + effort.wide
    epochs = math.ceil(steps) * batch_size * chains / known.posterior.n
    return Budget(epochs, effort.draws, effort.burn_in / times)


def limited(sampler: Sampler, problem: Problem, rng: torch.Generator) -> Iterator[Tensor]:
    """Yield the draws of a sampler; raise a BdlbenchError if they do not end."""
    for count, theta in enumerate(sampler.sample(problem, rng)):
        if count >= ENDLESS * problem.draws:
            raise BdlbenchError(f"expected problem.draws = {problem.draws} draws, got too many")
        yield theta


def run(sampler: Sampler, known: Known, effort: Effort, batch_size: int | None = None) -> Sampled:
    """Run a sampler, and return its draws.

    Args:
        sampler: The sampler, as it is; see `suited`.
        known: The problem.
        effort: The size of the measurement.
        batch_size: Points per step, of a sampler without a setting of that name.

    Raises:
        BdlbenchError: There are no draws or too many, or their shape or values are invalid.
    """
    size = getattr(sampler, "batch_size", None) or batch_size or known.posterior.n
    planned = budget(known, effort, size)
    chains = effort.chains + effort.wide
    starts: list[Tensor] = []

    def start(count: int, rng: torch.Generator) -> Tensor:
        theta = known.start(effort.chains, effort.wide, effort.temperature, rng)
        starts.append(theta)
        return theta.clone()

    steps = planned.epochs * known.posterior.n / (size * chains)
    problem = Trial(known.posterior, planned, chains, start, CALLS * steps + 100)
    rng = torch.Generator().manual_seed(effort.seed)
    collected: list[Array] = []
    with machine.one_thread():
        for theta in limited(sampler, problem, rng):
            collected.append(theta.detach().double().numpy().copy())
    shape = (chains, problem.dim)
    if not collected or any(theta.shape != shape for theta in collected):
        got = {theta.shape for theta in collected} or f"none in {problem.epochs:.3g} epochs"
        raise BdlbenchError(f"expected draws of shape {shape}, got {got}")
    if not np.isfinite(collected).all():
        raise BdlbenchError(f"expected finite draws, got NaN or inf at κ = {effort.stiffness:g}")
    first = starts[0] if starts else torch.zeros(shape)
    return Sampled(first.double().numpy(), np.stack(collected))


@dataclass(frozen=True)
class Habits:
    """What a short trial shows of a sampler.

    Args:
        batch_size: Points per step; None if it uses all data.
        uses_potential: Whether it evaluates U.
        potential_of_minibatch: Whether it evaluates U on minibatches.
    """

    batch_size: int | None
    uses_potential: bool
    potential_of_minibatch: bool


def habits_of(sampler: Sampler) -> Habits:
    """Try a sampler on a small problem; the checks report its failures."""
    known = tensors(0, points=PROBED, small=True)
    problem = Trial(
        known.posterior, Budget(20, 2), 1, lambda chains, rng: known.start(chains, 0, 1.0, rng), 60
    )
    slow = stepped(sampler, 0.01 / known.curvature) or sampler
    with machine.one_thread(), suppress(Exception, SystemExit):
        for _ in limited(slow, problem, torch.Generator().manual_seed(0)):
            pass
    sizes = {size for size in problem.batch_sizes if size < PROBED}
    return Habits(max(sizes, default=None), problem.uses_potential, problem.potential_of_minibatch)
