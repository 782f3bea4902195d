from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("antithetic-noise")
@dataclass(frozen=True)
class AntitheticNoise:
    """SGLD whose noise is anticorrelated (ρ = −0.2) with that of the step before."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        last = torch.zeros_like(theta)
        for batch, keep in problem.steps(self.batch_size, rng):
            fresh = torch.empty_like(theta).normal_(generator=rng)
            noise = 0.96**0.5 * fresh - 0.2 * last
            last = noise
            gradient = problem.gradient(theta, batch)
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * noise
            if keep:
                yield theta
