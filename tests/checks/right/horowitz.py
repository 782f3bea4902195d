from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("horowitz")
@dataclass(frozen=True)
class Horowitz:
    """Generalised HMC (Horowitz, 1991), flip on rejection; step_size is h, undeclared."""

    step_size: float = 1e-2
    memory: float = 0.9

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, h = problem.init(rng), self.step_size
        energy, gradient = problem.potential(theta), problem.gradient(theta)
        velocity = torch.empty_like(theta).normal_(generator=rng)
        for _, keep in problem.steps(None, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            velocity = self.memory * velocity + (1 - self.memory**2) ** 0.5 * noise
            middle = velocity - h / 2 * gradient
            moved = theta + h * middle
            there, slope = problem.potential(moved), problem.gradient(moved)
            after = middle - h / 2 * slope
            change = there - energy + (after.square() - velocity.square()).sum(1) / 2
            accept = torch.rand(len(theta), generator=rng).log() < -change
            velocity = torch.where(accept[:, None], after, -velocity)
            gradient = torch.where(accept[:, None], slope, gradient)
            theta = torch.where(accept[:, None], moved, theta)
            energy = torch.where(accept, there, energy)
            if keep:
                yield theta
