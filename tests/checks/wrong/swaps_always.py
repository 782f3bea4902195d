from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("swaps-always")
@dataclass(frozen=True)
class SwapsAlways:
    """Two replicas, at T = 1 and T = 2, that swap every twentieth step whatever their U."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        cold, hot = problem.init(rng), problem.init(rng)
        for k, (batch, keep) in enumerate(problem.steps(self.batch_size, rng)):
            first, second = (torch.empty_like(cold).normal_(generator=rng) for _ in range(2))
            cold = cold - self.step_size / 2 * problem.gradient(cold, batch)
            cold = cold + self.step_size**0.5 * first
            hot = hot - self.step_size / 2 * problem.gradient(hot, batch)
            hot = hot + (2 * self.step_size) ** 0.5 * second
            if k % 20 == 0:
                cold, hot = hot, cold
            if keep:
                yield cold
