from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("fixed-minibatch")
@dataclass(frozen=True)
class FixedMinibatch:
    """SGLD that draws one minibatch and never another."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, first = problem.init(rng), None
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            first = batch if first is None else first
            theta = theta - self.step_size / 2 * problem.gradient(theta, first)
            theta = theta + self.step_size**0.5 * noise
            if keep:
                yield theta
