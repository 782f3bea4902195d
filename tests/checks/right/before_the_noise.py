from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("before-the-noise")
@dataclass(frozen=True)
class BeforeTheNoise:
    """SGLD that yields the state before its noise: T too low by O(ε), 1 in the limit."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            if keep:
                yield theta
            theta = theta + self.step_size**0.5 * noise
