from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("uniform-walk")
@dataclass(frozen=True)
class UniformWalk:
    """Random-walk Metropolis (1953) with uniform proposals of variance ε."""

    step_size: float = 1e-4

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, eps = problem.init(rng), self.step_size
        energy = problem.potential(theta)
        for _, keep in problem.steps(None, rng):
            uniform = 2 * torch.rand(theta.shape, generator=rng) - 1
            moved = theta + (3 * eps) ** 0.5 * uniform
            there = problem.potential(moved)
            accept = torch.rand(len(theta), generator=rng).log() < energy - there
            theta = torch.where(accept[:, None], moved, theta)
            energy = torch.where(accept, there, energy)
            if keep:
                yield theta
