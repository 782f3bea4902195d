from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("noise-of-the-mean-loss")
@dataclass(frozen=True)
class NoiseOfTheMeanLoss:
    """Step on the mean loss at rate η, with √(2η) noise, without the 1/N: T = N."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            rate = self.step_size * problem.n / 2  # of the mean loss: the drift is right
            theta = theta - rate * problem.gradient(theta, batch) / problem.n
            theta = theta + (2 * rate) ** 0.5 * noise
            if keep:
                yield theta
