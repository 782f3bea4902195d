from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("threshold-above-a-tenth")
@dataclass(frozen=True)
class ThresholdAboveATenth:
    """Random-walk Metropolis whose uniform number is from [0.1, 1]: T = 0.9."""

    step_size: float = 1e-4

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, eps = problem.init(rng), self.step_size
        energy = problem.potential(theta)
        for _, keep in problem.steps(None, rng):
            moved = theta + eps**0.5 * torch.empty_like(theta).normal_(generator=rng)
            there = problem.potential(moved)
            uniform = 0.1 + 0.9 * torch.rand(len(theta), generator=rng)
            accept = uniform.log() < energy - there
            theta, energy = (
                torch.where(accept[:, None], moved, theta),
                torch.where(accept, there, energy),
            )
            if keep:
                yield theta
