from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("averaged-pairs")
@dataclass(frozen=True)
class AveragedPairs:
    """SGLD that yields the mean of each draw and the last one."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, last = problem.init(rng), None
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta + self.step_size**0.5 * noise
            if keep:
                yield theta if last is None else (theta + last) / 2
                last = theta
