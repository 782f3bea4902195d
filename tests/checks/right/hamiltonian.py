from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("hamiltonian")
@dataclass(frozen=True)
class Hamiltonian:
    """HMC (Neal, 2011): leapfrogs of √ε, full refreshment, Metropolis test."""

    step_size: float = 1e-4
    leapfrogs: int = 8

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        h = self.step_size**0.5
        energy, gradient = problem.potential(theta), problem.gradient(theta)
        for _, keep in problem.steps(None, rng):
            velocity = torch.empty_like(theta).normal_(generator=rng)
            kinetic, moved, slope = velocity.double().square().sum(1) / 2, theta, gradient
            for _ in range(self.leapfrogs):
                velocity = velocity - h / 2 * slope
                moved = moved + h * velocity
                slope = problem.gradient(moved)
                velocity = velocity - h / 2 * slope
            there = problem.potential(moved)
            change = there - energy + velocity.double().square().sum(1) / 2 - kinetic
            accept = torch.empty_like(energy).exponential_(generator=rng) > change
            theta = torch.where(accept[:, None], moved, theta)
            gradient = torch.where(accept[:, None], slope, gradient)
            energy = torch.where(accept, there, energy)
            if keep:
                yield theta
