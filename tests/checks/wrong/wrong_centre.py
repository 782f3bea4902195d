from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("wrong-centre")
@dataclass(frozen=True)
class WrongCentre:
    """SGLD with control variates whose centre moves once, and its full gradient does not."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        centre, full, moved = theta, problem.gradient(theta), False
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            if not moved and problem.progress > 0.25:
                centre, moved = theta, True
            correction = full - problem.gradient(centre, batch)
            theta = theta - self.step_size / 2 * (problem.gradient(theta, batch) + correction)
            theta = theta + self.step_size**0.5 * noise
            if keep:
                yield theta
