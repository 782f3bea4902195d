from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("moving-preconditioner")
@dataclass(frozen=True)
class MovingPreconditioner:
    """Preconditioned SGLD with G = 1/(λ + |∇U/N|) of the state itself, and no term Γ = ∂G/∂θ."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            gradient = problem.gradient(theta, batch)
            g = 1 / (1 + gradient.abs() * problem.prior_std)
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - self.step_size / 2 * g * gradient + (self.step_size * g) ** 0.5 * noise
            if keep:
                yield theta
