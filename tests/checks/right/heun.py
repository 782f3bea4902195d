from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("heun")
@dataclass(frozen=True)
class Heun:
    """Langevin dynamics by Heun's method (Kloeden & Platen, 1992, section 15.1): bias O(ε)."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, eps = problem.init(rng), self.step_size
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = eps**0.5 * torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch)
            ahead = problem.gradient(theta - eps / 2 * gradient + noise, batch)
            theta = theta - eps / 4 * (gradient + ahead) + noise
            if keep:
                yield theta
