from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("random-leapfrogs")
@dataclass(frozen=True)
class RandomLeapfrogs:
    """HMC with a geometric number of leapfrogs (Bou-Rabee & Sanz-Serna, 2017), h = √ε."""

    step_size: float = 1e-4
    leapfrogs: int = 5

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, h = problem.init(rng), self.step_size**0.5
        energy, gradient = problem.potential(theta), problem.gradient(theta)
        for _, keep in problem.steps(None, rng):
            affordable = problem.remaining // (problem.n * problem.chains) - 1
            number = int(torch.empty(1).geometric_(1 / self.leapfrogs, generator=rng))
            velocity = torch.empty_like(theta).normal_(generator=rng)
            kinetic, moved, slope = velocity.square().sum(1) / 2, theta, gradient
            for _ in range(max(1, min(number, affordable))):
                velocity = velocity - h / 2 * slope
                moved = moved + h * velocity
                slope = problem.gradient(moved)
                velocity = velocity - h / 2 * slope
            there = problem.potential(moved)
            change = there - energy + velocity.square().sum(1) / 2 - kinetic
            accept = torch.rand(len(theta), generator=rng).log() < -change
            gradient = torch.where(accept[:, None], slope, gradient)
            theta = torch.where(accept[:, None], moved, theta)
            energy = torch.where(accept, there, energy)
            if keep:
                yield theta
