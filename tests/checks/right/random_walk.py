from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("random-walk")
@dataclass(frozen=True)
class RandomWalk:
    """Random-walk Metropolis (1953): no gradient, no step size that the checks could set."""

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        energy, accepted = problem.potential(theta), torch.zeros(1)
        scale = torch.full_like(theta[:1], problem.prior_std)
        for _, keep in problem.steps(None, rng):
            step = scale * torch.empty_like(theta).normal_(generator=rng)
            there = problem.potential(theta + step)
            accept = torch.empty_like(energy).exponential_(generator=rng) > there - energy
            theta = torch.where(accept[:, None], theta + step, theta)
            energy = torch.where(accept, there, energy)
            if problem.progress < problem.burn_in:  # adapt towards an acceptance of 35 %
                accepted = accept.float().mean()
                scale = scale * torch.exp(0.2 * (accepted - 0.35))
            if keep:
                yield theta
