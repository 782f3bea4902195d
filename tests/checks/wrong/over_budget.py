from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("over-budget")
@dataclass(frozen=True)
class OverBudget:
    """SGLD that goes round by itself, for twice the budget."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for k in range(2 * problem.remaining // (problem.n * problem.chains)):
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - self.step_size / 2 * problem.gradient(theta)
            theta = theta + self.step_size**0.5 * noise
            if k < problem.draws:
                yield theta
