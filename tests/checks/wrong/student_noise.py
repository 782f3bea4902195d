from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("student-noise")
@dataclass(frozen=True)
class StudentNoise:
    """SGLD with Student's t of two degrees of freedom as its noise, of infinite variance."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            half_chi = torch.empty_like(theta).exponential_(generator=rng)
            noise = torch.empty_like(theta).normal_(generator=rng) / half_chi.sqrt()
            gradient = problem.gradient(theta, batch)
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * noise
            if keep:
                yield theta
