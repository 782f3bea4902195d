from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("elliptical-slice")
@dataclass(frozen=True)
class EllipticalSlice:
    """Elliptical slice sampling (Murray et al., 2010, figure 2): potentials only, no step size."""

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def cost(theta: Tensor) -> Tensor:  # −log likelihood
            prior = theta.double().square().sum(1) / (2 * problem.prior_std**2)
            return problem.potential(theta) - prior

        theta = problem.init(rng)
        for _, keep in problem.steps(None, rng):
            other = problem.prior_std * torch.empty_like(theta).normal_(generator=rng)
            start, level = theta, cost(theta) + torch.empty(len(theta)).exponential_(generator=rng)
            angle = 2 * math.pi * torch.rand(len(theta), 1, generator=rng)
            low, high = angle - 2 * math.pi, angle
            waiting = torch.ones(len(theta), 1, dtype=torch.bool)
            while waiting.any():
                moved = start * angle.cos() + other * angle.sin()
                accept = waiting & (cost(moved) <= level)[:, None]
                theta, waiting = torch.where(accept, moved, theta), waiting & ~accept
                low, high = torch.where(angle < 0, angle, low), torch.where(angle < 0, high, angle)
                angle = low + (high - low) * torch.rand(len(theta), 1, generator=rng)
            if keep:
                yield theta
