from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("crank-nicolson")
@dataclass(frozen=True)
class CrankNicolson:
    """Preconditioned Crank–Nicolson (Cotter et al., 2013): no gradient, no step size."""

    beta: float = 0.3

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def cost(theta: Tensor) -> Tensor:  # −log likelihood
            prior = theta.double().square().sum(1) / (2 * problem.prior_std**2)
            return problem.potential(theta) - prior

        theta = problem.init(rng)
        energy = cost(theta)
        for _, keep in problem.steps(None, rng):
            noise = problem.prior_std * torch.empty_like(theta).normal_(generator=rng)
            moved = (1 - self.beta**2) ** 0.5 * theta + self.beta * noise
            there = cost(moved)
            accept = torch.rand(len(theta), generator=rng).log() < energy - there
            theta = torch.where(accept[:, None], moved, theta)
            energy = torch.where(accept, there, energy)
            if keep:
                yield theta
