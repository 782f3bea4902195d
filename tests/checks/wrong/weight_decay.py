from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("weight-decay")
@dataclass(frozen=True)
class WeightDecay:
    """SGLD with weight decay, although U has the prior already."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            decay = theta / problem.prior_std**2
            theta = theta - self.step_size / 2 * (problem.gradient(theta, batch) + decay)
            theta = theta + self.step_size**0.5 * noise
            if keep:
                yield theta
