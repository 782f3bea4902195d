from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("eight-bit-weights")
@dataclass(frozen=True)
class EightBitWeights:
    """SGLD that keeps θ in eight bits, ±8 prior widths: rounding adds noise at every step."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        spacing = problem.prior_std / 16
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch)
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * noise
            theta = spacing * (theta / spacing).round()
            if keep:
                yield theta
