from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("leapfrog-hmc")
@dataclass(frozen=True)
class LeapfrogHmc:
    """HMC (Neal, 2011) whose step_size is the leapfrog's, as declared by `langevin_step`."""

    step_size: float = 1e-4
    leapfrogs: int = 8

    def langevin_step(self, epsilon: float) -> LeapfrogHmc:
        return replace(self, step_size=epsilon**0.5)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, h = problem.init(rng), self.step_size
        energy, gradient = problem.potential(theta), problem.gradient(theta)
        for _, keep in problem.steps(None, rng):
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
            theta = torch.where(accept[:, None], moved, theta)
            gradient = torch.where(accept[:, None], slope, gradient)
            energy = torch.where(accept, there, energy)
            if keep:
                yield theta
