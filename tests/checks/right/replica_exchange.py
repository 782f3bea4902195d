from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("replica-exchange")
@dataclass(frozen=True)
class ReplicaExchange:
    """Replica exchange (Geyer, 1991) of random walks at T = 1 and T = 2 in every chain."""

    step_size: float = 1e-4

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def walk(theta: Tensor, temperature: float) -> Tensor:
            moved = theta + (self.step_size * temperature) ** 0.5 * torch.empty_like(theta).normal_(
                generator=rng
            )
            change = problem.potential(moved) - problem.potential(theta)
            accept = torch.rand(len(theta), generator=rng).log() < -change / temperature
            return torch.where(accept[:, None], moved, theta)

        cold, hot = problem.init(rng), problem.init(rng)
        for k, (_, keep) in enumerate(problem.steps(None, rng)):
            cold, hot = walk(cold, 1.0), walk(hot, 2.0)
            if k % 10 == 0:
                gain = (problem.potential(cold) - problem.potential(hot)) / 2  # (1 − ½)·(U₁ − U₂)
                swap = (torch.rand(len(cold), generator=rng).log() < gain)[:, None]
                cold, hot = torch.where(swap, hot, cold), torch.where(swap, cold, hot)
            if keep:
                yield cold
