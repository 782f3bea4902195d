"""Hamiltonian Monte Carlo."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor

from bdlbench import Problem, register
from bdlbench.hamiltonian import budgeted
from bdlbench.hamiltonian.kernels import Kernel
from bdlbench.settings import check_positive, check_range


@register("hmc")
@dataclass(frozen=True)
class HMC:
    """Hamiltonian Monte Carlo with Metropolis correction: leapfrogs through U, by NumPyro.

    Targets exp(−U/T) exactly; a rejected proposal repeats the state, and counts as a draw. Every
    leapfrog costs a gradient over all the data, and so a budget that is ample for others may be
    short here. Warm-up, which finds the step size, then has many short trajectories, and those
    after it are cut short (to one leapfrog if need be) so that `min_draws` draws of each chain
    fit: still exact in the limit, but the chain moves little. With a large budget trajectories
    have their full length, and what is left over goes into iterations between the draws.

    Source: Duane et al. (1987); Neal (2011), MCMC using Hamiltonian dynamics, whose advice it is
    (section 3.2) to vary the step size a little: by ±10 %.

    Args:
        trajectory_length: Of the path through θ with unit mass; None is π/2·prior_std·√T, the
            quarter of a period in which the prior alone would be sampled afresh.
        target_accept_prob: Acceptance probability that the step size is adapted to.
        min_draws: Draws that trajectories are cut short for.
        temperature: T; 1 is the Bayes posterior.
    """

    target: ClassVar[str] = "exact"
    trajectory_length: float | None = None
    target_accept_prob: float = 0.85
    min_draws: int = 10
    temperature: float = 1.0

    def __post_init__(self) -> None:
        check_positive(min_draws=self.min_draws, temperature=self.temperature)
        check_range(0.01, 0.99, target_accept_prob=self.target_accept_prob)
        if self.trajectory_length is not None:
            check_positive(trajectory_length=self.trajectory_length)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Yield states after warm-up, evenly thinned."""
        quarter = math.pi / 2 * problem.prior_std * math.sqrt(self.temperature)
        kernel = Kernel(
            step_size=quarter / 100,
            target_accept_prob=self.target_accept_prob,
            temperature=self.temperature,
            trajectory_length=self.trajectory_length or quarter,
        )
        plan = budgeted.make_plan(problem, self.min_draws)
        yield from budgeted.sample(kernel, problem, rng, plan)
