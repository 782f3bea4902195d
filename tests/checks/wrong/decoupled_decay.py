from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("decoupled-decay")
@dataclass(frozen=True)
class DecoupledDecay:
    """Preconditioned SGLD with decoupled weight decay: the prior's gradient lacks the factor G."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        g = torch.linspace(0.5, 1.0, problem.dim)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            prior = theta / problem.prior_std**2
            gradient = g * (problem.gradient(theta, batch) - prior) + prior
            theta = theta - self.step_size / 2 * gradient + (self.step_size * g) ** 0.5 * noise
            if keep:
                yield theta
