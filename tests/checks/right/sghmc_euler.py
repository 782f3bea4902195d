from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("sghmc-euler")
@dataclass(frozen=True)
class SghmcEuler:
    """SGHMC by explicit Euler, h = √(ε/2): θ ← θ + hv, of the old v. Friction is per step."""

    step_size: float = 1e-4
    batch_size: int = 32
    friction: float = 0.1

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        h = (self.step_size / 2) ** 0.5
        velocity = torch.empty_like(theta).normal_(generator=rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            force = -problem.gradient(theta, batch)
            theta = theta + h * velocity
            velocity = (1 - self.friction) * velocity + h * force
            velocity = velocity + (2 * self.friction) ** 0.5 * noise
            if keep:
                yield theta
