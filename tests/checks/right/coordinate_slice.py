from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("coordinate-slice")
@dataclass(frozen=True)
class CoordinateSlice:
    """Slice sampling with shrinkage (Neal, 2003, figure 5), one coordinate at a time."""

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for _, keep in problem.steps(None, rng):
            axis = int(torch.randint(problem.dim, (1,), generator=rng))
            level = problem.potential(theta) + torch.empty(len(theta)).exponential_(generator=rng)
            width = 6 * problem.prior_std
            place = theta[:, axis].clone()
            low = place - width * torch.rand(len(theta), generator=rng)
            high, waiting, moved = (
                low + width,
                torch.ones_like(level, dtype=torch.bool),
                theta.clone(),
            )
            while waiting.any():
                value = low + (high - low) * torch.rand(len(theta), generator=rng)
                moved[:, axis] = torch.where(waiting, value, moved[:, axis])
                waiting = waiting & (problem.potential(moved) > level)
                low = torch.where(value < place, value, low)
                high = torch.where(value < place, high, value)
            theta = moved
            if keep:
                yield theta
