from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("undamped-noise")
@dataclass(frozen=True)
class UndampedNoise:
    """SGHMC with all of ε as its noise, not ε(1 − μ): T = 1/(1 − μ)."""

    step_size: float = 1e-4
    batch_size: int = 32
    momentum: float = 0.9

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        velocity = torch.zeros_like(theta)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch)
            velocity = self.momentum * velocity - self.step_size / 2 * gradient
            velocity = velocity + self.step_size**0.5 * noise
            theta = theta + velocity
            if keep:
                yield theta
