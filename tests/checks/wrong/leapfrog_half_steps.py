from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("leapfrog-half-steps")
@dataclass(frozen=True)
class LeapfrogHalfSteps:
    """HMC whose first half step of the momentum is a whole one; the Metropolis test is right."""

    step_size: float = 1e-4
    leapfrogs: int = 3

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, h = problem.init(rng), self.step_size**0.5
        for _, keep in problem.steps(None, rng):
            velocity, moved = torch.empty_like(theta).normal_(generator=rng), theta
            energy = problem.potential(theta) + velocity.square().sum(1) / 2
            velocity = velocity - h / 2 * problem.gradient(moved)
            for _ in range(self.leapfrogs):
                velocity = velocity - h * problem.gradient(moved)
                moved = moved + h * velocity
            velocity = velocity - h / 2 * problem.gradient(moved)
            there = problem.potential(moved) + velocity.square().sum(1) / 2
            accept = torch.rand(len(theta), generator=rng).log() < energy - there
            theta = torch.where(accept[:, None], moved, theta)
            if keep:
                yield theta
