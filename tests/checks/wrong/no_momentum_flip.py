from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("no-momentum-flip")
@dataclass(frozen=True)
class NoMomentumFlip:
    """Generalised HMC (Horowitz, 1991) that keeps the momentum's sign when it rejects."""

    step_size: float = 1e-4

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, h = problem.init(rng), self.step_size**0.5
        energy, gradient = problem.potential(theta), problem.gradient(theta)
        velocity = torch.empty_like(theta).normal_(generator=rng)
        for _, keep in problem.steps(None, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            velocity = 0.99 * velocity + 0.0199**0.5 * noise
            middle = velocity - h / 2 * gradient
            moved = theta + h * middle
            there, slope = problem.potential(moved), problem.gradient(moved)
            after = middle - h / 2 * slope
            change = there - energy + (after.square() - velocity.square()).sum(1) / 2
            accept = torch.rand(len(theta), generator=rng).log() < -change
            velocity = torch.where(accept[:, None], after, velocity)
            theta = torch.where(accept[:, None], moved, theta)
            gradient = torch.where(accept[:, None], slope, gradient)
            energy = torch.where(accept, there, energy)
            if keep:
                yield theta
