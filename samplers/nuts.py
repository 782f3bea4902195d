"""The No-U-Turn sampler."""

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


@register("nuts")
@dataclass(frozen=True)
class NUTS:
    """The No-U-Turn sampler: HMC with adaptive trajectory length, by NumPyro.

    Targets exp(−U/T) exactly. A trajectory is doubled until it makes a U-turn, to 2^depth − 1
    leapfrogs; the depth is limited so that `min_draws` draws of each chain and at least twenty
    iterations of warm-up, which adapts the step size, fit into the budget.

    Source: Hoffman & Gelman (2014), in the multinomial form of Betancourt (2017).

    Args:
        max_tree_depth: Maximum depth, for any budget.
        target_accept_prob: Acceptance probability that the step size is adapted to.
        min_draws: Number of draws for which the depth is limited.
        temperature: T; 1 is the Bayes posterior.
    """

    target: ClassVar[str] = "exact"
    max_tree_depth: int = 10
    target_accept_prob: float = 0.85
    min_draws: int = 10
    temperature: float = 1.0

    def __post_init__(self) -> None:
        check_positive(min_draws=self.min_draws, temperature=self.temperature)
        check_range(0.01, 0.99, target_accept_prob=self.target_accept_prob)
        check_range(1, 20, max_tree_depth=self.max_tree_depth)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Yield states after warm-up, evenly thinned."""
        plan = budgeted.make_plan(problem, self.min_draws)
        kernel = Kernel(
            step_size=math.pi / 200 * problem.prior_std * math.sqrt(self.temperature),
            target_accept_prob=self.target_accept_prob,
            temperature=self.temperature,
            tree_depths=budgeted.tree_depths(plan, self.max_tree_depth),
        )
        yield from budgeted.sample(kernel, problem, rng, plan)
