from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("lower-of-two")
@dataclass(frozen=True)
class LowerOfTwo:
    """SGLD that yields the one of its last two draws that has the lower U."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        last = theta
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta + self.step_size**0.5 * noise
            if keep:
                lower = problem.potential(last) < problem.potential(theta)
                yield torch.where(lower[:, None], last, theta)
                last = theta
