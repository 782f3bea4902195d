from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("distant-correlations")
@dataclass(frozen=True)
class DistantCorrelations:
    """SGLD whose noise is correlated (ρ = ½) between the coordinates beyond the sixth."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            common = torch.empty(len(theta), 1).normal_(generator=rng)
            noise[:, 6:] = 0.5**0.5 * (noise[:, 6:] + common)
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta + self.step_size**0.5 * noise
            if keep:
                yield theta
