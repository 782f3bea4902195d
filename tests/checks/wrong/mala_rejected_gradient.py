from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("mala-rejected-gradient")
@dataclass(frozen=True)
class MalaRejectedGradient:
    """MALA that keeps the gradient of a rejected proposal: wrong where proposals are rejected."""

    step_size: float = 1e-4

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, eps = problem.init(rng), self.step_size
        energy, gradient = problem.potential(theta), problem.gradient(theta)
        for _, keep in problem.steps(None, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            moved = theta - eps / 2 * gradient + eps**0.5 * noise
            there, slope = problem.potential(moved), problem.gradient(moved)
            back = (theta - moved + eps / 2 * slope).square().sum(1) / (2 * eps)
            ratio = energy - there + noise.square().sum(1) / 2 - back
            accept = torch.rand(len(theta), generator=rng).log() < ratio
            theta, energy = (
                torch.where(accept[:, None], moved, theta),
                torch.where(accept, there, energy),
            )
            gradient = slope
            if keep:
                yield theta
