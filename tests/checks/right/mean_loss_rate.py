from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("mean-loss-rate")
@dataclass(frozen=True)
class MeanLossRate:
    """SGLD in the terms of deep learning: θ ← θ − η·∇U/N + N(0, 2η/N), η = εN/2."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        rate = self.step_size * problem.n / 2
        for batch, keep in problem.steps(self.batch_size, rng):
            mean_gradient = problem.gradient(theta, batch) / problem.n
            theta -= rate * mean_gradient
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta += (2 * rate / problem.n) ** 0.5 * noise
            if keep:
                yield theta
