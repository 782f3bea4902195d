from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("mala")
@dataclass(frozen=True)
class Mala:
    """MALA (Roberts & Tweedie, 1996): Langevin proposals with a Metropolis test."""

    step_size: float = 1e-4

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        energy, gradient = problem.potential(theta), problem.gradient(theta)
        eps = self.step_size
        for _, keep in problem.steps(None, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            moved = theta - eps / 2 * gradient + eps**0.5 * noise
            energy_there, gradient_there = problem.potential(moved), problem.gradient(moved)
            back = (theta - moved + eps / 2 * gradient_there).square().sum(1) / (2 * eps)
            log_ratio = energy - energy_there - back.double() + noise.double().square().sum(1) / 2
            accept = torch.rand(len(theta), generator=rng).log() < log_ratio
            theta = torch.where(accept[:, None], moved, theta)
            gradient = torch.where(accept[:, None], gradient_there, gradient)
            energy = torch.where(accept, energy_there, energy)
            if keep:
                yield theta
