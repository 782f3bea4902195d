from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("resampled-momentum")
@dataclass(frozen=True)
class ResampledMomentum:
    """Momentum resampled every L steps; θ and v move by the old v and θ: T = L/(L − 1)."""

    step_size: float = 1e-4
    batch_size: int = 32
    length: int = 8

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, h = problem.init(rng), self.step_size**0.5
        velocity = torch.zeros_like(theta)
        for k, (batch, keep) in enumerate(problem.steps(self.batch_size, rng)):
            if k % self.length == 0:
                velocity = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch)
            theta = theta + h * velocity
            velocity = velocity - h * gradient
            if keep:
                yield theta
