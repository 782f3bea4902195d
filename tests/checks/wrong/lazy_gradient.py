from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("lazy-gradient")
@dataclass(frozen=True)
class LazyGradient:
    """SGLD that takes a new gradient only once U has changed by about a half along the old one."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        used, place = problem.gradient(theta), theta
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch)
            change = (used * (theta - place)).sum(1, keepdim=True).abs()
            stale = (change < 0.5) & (change > 0)
            used, place = torch.where(stale, used, gradient), torch.where(stale, place, theta)
            theta = theta - self.step_size / 2 * used + self.step_size**0.5 * noise
            if keep:
                yield theta
