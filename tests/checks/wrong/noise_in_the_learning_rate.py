from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("noise-in-the-learning-rate")
@dataclass(frozen=True)
class NoiseInTheLearningRate:
    """θ ← θ − ε·(∇U/2 + N(0, ε)): the noise is multiplied by ε once more."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            drift = problem.gradient(theta, batch) / 2
            theta = theta - self.step_size * (drift + self.step_size**0.5 * noise)
            if keep:
                yield theta
