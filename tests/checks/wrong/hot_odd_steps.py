from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("hot-odd-steps")
@dataclass(frozen=True)
class HotOddSteps:
    """SGLD at T = 1 in even steps, and at T = 1.4 in odd ones."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for k, (batch, keep) in enumerate(problem.steps(self.batch_size, rng)):
            noise = torch.empty_like(theta).normal_(generator=rng)
            temperature = 1.4 if k % 2 else 1.0
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta + (self.step_size * temperature) ** 0.5 * noise
            if keep:
                yield theta
