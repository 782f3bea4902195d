from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("obabo")
@dataclass(frozen=True)
class Obabo:
    """OBABO (Bussi & Parrinello, 2007), underdamped; step_size is h, which it declares."""

    step_size: float = 1e-2
    batch_size: int = 32
    friction: float = 0.5

    def langevin_step(self, epsilon: float) -> Obabo:
        return replace(self, step_size=epsilon**0.5)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, h = problem.init(rng), self.step_size
        decay = math.exp(-self.friction / 2)
        velocity, gradient = torch.empty_like(theta).normal_(generator=rng), problem.gradient(theta)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            velocity = decay * velocity + (1 - decay**2) ** 0.5 * noise
            velocity = velocity - h / 2 * gradient
            theta = theta + h * velocity
            gradient = problem.gradient(theta, batch)
            velocity = velocity - h / 2 * gradient
            noise = torch.empty_like(theta).normal_(generator=rng)
            velocity = decay * velocity + (1 - decay**2) ** 0.5 * noise
            if keep:
                yield theta
