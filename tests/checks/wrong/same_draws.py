from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("same-draws")
@dataclass(frozen=True)
class SameDraws:
    """SGLD with a generator of its own: the same draws whatever the seed."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        own = torch.Generator().manual_seed(0)
        theta = problem.init(own)
        for batch, keep in problem.steps(self.batch_size, own):
            noise = torch.empty_like(theta).normal_(generator=own)
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta + self.step_size**0.5 * noise
            if keep:
                yield theta
