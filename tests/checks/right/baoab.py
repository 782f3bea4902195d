from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("baoab")
@dataclass(frozen=True)
class Baoab:
    """BAOAB (Leimkuhler & Matthews, 2013): underdamped Langevin dynamics with h = √ε."""

    step_size: float = 1e-5
    batch_size: int = 32
    friction: float = 0.5

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        h = self.step_size**0.5
        decay = math.exp(-self.friction)
        velocity = torch.empty_like(theta).normal_(generator=rng)
        force = torch.zeros_like(theta)
        for batch, keep in problem.steps(self.batch_size, rng):
            velocity = velocity + h / 2 * force
            theta = theta + h / 2 * velocity
            noise = torch.empty_like(theta).normal_(generator=rng)
            velocity = decay * velocity + (1 - decay**2) ** 0.5 * noise
            theta = theta + h / 2 * velocity
            force = -problem.gradient(theta, batch)
            velocity = velocity + h / 2 * force
            if keep:
                yield theta
