from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("running-mean")
@dataclass(frozen=True)
class RunningMean:
    """SGLD that yields the mean of its states so far."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, total, count = problem.init(rng), torch.tensor(0.0), 0
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta + self.step_size**0.5 * noise
            if problem.progress >= problem.burn_in:
                total, count = total + theta, count + 1
            if keep:
                yield total / count
