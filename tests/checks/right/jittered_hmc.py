from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("jittered-hmc")
@dataclass(frozen=True)
class JitteredHmc:
    """HMC with the leapfrog's step, declared, jittered by ±50 % (Neal, 2011, section 3.2)."""

    step_size: float = 1e-2
    leapfrogs: int = 6

    def langevin_step(self, epsilon: float) -> JitteredHmc:
        return replace(self, step_size=epsilon**0.5)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        energy, gradient = problem.potential(theta), problem.gradient(theta)
        for _, keep in problem.steps(None, rng):
            h = self.step_size * (0.5 + torch.rand(len(theta), 1, generator=rng))
            velocity = torch.empty_like(theta).normal_(generator=rng)
            kinetic, moved, slope = velocity.square().sum(1) / 2, theta, gradient
            for _ in range(self.leapfrogs):
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
