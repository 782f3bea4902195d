from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("tensor-by-tensor")
@dataclass(frozen=True)
class TensorByTensor:
    """Metropolis within Gibbs: a random walk of one tensor after another."""

    step_size: float = 1e-4

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, turn = problem.init(rng), 0
        energy = problem.potential(theta)
        for _, keep in problem.steps(None, rng):
            step = torch.zeros_like(theta)
            parts = [*problem.unflatten(step).values()]  # views
            parts[turn % len(parts)].normal_(generator=rng)
            turn, moved = turn + 1, theta + self.step_size**0.5 * step
            there = problem.potential(moved)
            accept = torch.rand(len(theta), generator=rng).log() < energy - there
            theta = torch.where(accept[:, None], moved, theta)
            energy = torch.where(accept, there, energy)
            if keep:
                yield theta
