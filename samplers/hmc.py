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
    """Hamiltonian Monte Carlo with Metropolis correction: leapfrog integration of U, by NumPyro.

    Targets exp(−U/T) exactly; a rejected proposal repeats the state, and counts as a draw. Every
    leapfrog costs a full-batch gradient, so that a budget that is ample for other samplers may be
    small for HMC. Then warm-up, which adapts the step size, has many short trajectories, and later
    trajectories are shortened (to one leapfrog if necessary) so that each chain has `min_draws`
    draws: still exact in the limit, but the chain moves little. With a large budget trajectories
    have full length, and chains are thinned.

    Source: Duane et al. (1987); Neal (2011), MCMC using Hamiltonian dynamics; the step size is
    jittered by ±10 % as recommended there (section 3.2).

    Args:
        trajectory_length: Integration time with unit mass; None is π/2·prior_std·√T, a quarter of
            the prior's period, after which a draw from the prior is independent of the last.
        target_accept_prob: Acceptance probability that the step size is adapted to.
        min_draws: Number of draws for which trajectories are shortened.
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
