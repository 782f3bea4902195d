from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("barker-unadjusted")
@dataclass(frozen=True)
class BarkerUnadjusted:
    """Barker proposals (Livingstone & Zanella, 2022) without a test: exact up to O(ε)."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            step = self.step_size**0.5 * torch.empty_like(theta).normal_(generator=rng)
            up = torch.sigmoid(-step * problem.gradient(theta, batch))
            uniform = torch.rand(theta.shape, generator=rng)
            theta = theta + torch.where(uniform < up, step, -step)
            if keep:
                yield theta
