from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("student-noise-scaled")
@dataclass(frozen=True)
class StudentNoiseScaled:
    """SGLD with Student's t of six degrees of freedom as its noise, scaled to variance ε."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            thirds = torch.empty(3, *theta.shape).exponential_(generator=rng).mean(0)  # χ²₆/6
            noise = torch.empty_like(theta).normal_(generator=rng) / (1.5 * thirds).sqrt()
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta + self.step_size**0.5 * noise
            if keep:
                yield theta
