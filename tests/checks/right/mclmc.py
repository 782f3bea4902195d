from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


def unit(u: Tensor) -> Tensor:
    return u / u.norm(dim=1, keepdim=True)


def kicked(u: Tensor, gradient: Tensor, h: float) -> Tensor:
    size = gradient.norm(dim=1, keepdim=True)
    e, shrink = -gradient / size, (-h / (u.shape[1] - 1) * size).exp()
    along = 1 + shrink + (u * e).sum(1, keepdim=True) * (1 - shrink)
    return unit(2 * shrink * u + (1 - shrink) * along * e)


@register("mclmc")
@dataclass(frozen=True)
class Mclmc:
    """Microcanonical Langevin, unadjusted (Robnik & Sejdinovic, 2023); leapfrogs of √(ε·dim)."""

    step_size: float = 1e-4
    batch_size: int = 32
    refreshment: float = 0.3

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        if problem.dim < 2:
            raise ValueError(f"expected at least two parameters, got {problem.dim}")
        theta = problem.init(rng)
        h = (self.step_size * problem.dim) ** 0.5
        u = unit(torch.empty_like(theta).normal_(generator=rng))
        gradient = problem.gradient(theta)
        for batch, keep in problem.steps(self.batch_size, rng):
            u = kicked(u, gradient, h / 2)
            theta = theta + h * u
            gradient = problem.gradient(theta, batch)
            u = kicked(u, gradient, h / 2)
            noise = torch.empty_like(theta).normal_(generator=rng)
            u = unit(u + self.refreshment / problem.dim**0.5 * noise)
            if keep:
                yield theta
