from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("ignored-mass")
@dataclass(frozen=True)
class IgnoredMass:
    """HMC whose leapfrogs ignore the mass M of its momenta and test: reversible, so exact."""

    step_size: float = 1e-4
    leapfrogs: int = 3

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, h = problem.init(rng), self.step_size**0.5
        mass = torch.linspace(0.8, 1.2, problem.dim)
        for _, keep in problem.steps(None, rng):
            momentum, moved = mass.sqrt() * torch.empty_like(theta).normal_(generator=rng), theta
            energy = problem.potential(theta) + (momentum.square() / mass).sum(1) / 2
            for _ in range(self.leapfrogs):
                momentum = momentum - h / 2 * problem.gradient(moved)
                moved = moved + h * momentum
                momentum = momentum - h / 2 * problem.gradient(moved)
            there = problem.potential(moved) + (momentum.square() / mass).sum(1) / 2
            accept = torch.rand(len(theta), generator=rng).log() < energy - there
            theta = torch.where(accept[:, None], moved, theta)
            if keep:
                yield theta
