from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("subspace-noise")
@dataclass(frozen=True)
class SubspaceNoise:
    """SGLD with noise in a subspace of half the dimensions, of the right marginal variance."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        rank = (problem.dim + 1) // 2
        basis = torch.empty(problem.dim, rank).normal_(generator=rng)
        basis = basis / basis.norm(dim=1, keepdim=True)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty(len(theta), rank).normal_(generator=rng) @ basis.T
            gradient = problem.gradient(theta, batch)
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * noise
            if keep:
                yield theta
