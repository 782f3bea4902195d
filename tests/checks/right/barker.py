from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("barker")
@dataclass(frozen=True)
class Barker:
    """Barker proposals (Livingstone & Zanella, 2022, algorithm 1) with their Metropolis test."""

    step_size: float = 1e-4

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def log_up(step: Tensor, gradient: Tensor) -> Tensor:  # log σ(−step·∇U)
            return torch.nn.functional.logsigmoid(-step * gradient)

        theta = problem.init(rng)
        energy, gradient = problem.potential(theta), problem.gradient(theta)
        for _, keep in problem.steps(None, rng):
            step = self.step_size**0.5 * torch.empty_like(theta).normal_(generator=rng)
            uniform = torch.rand(theta.shape, generator=rng)
            step = torch.where(uniform.log() < log_up(step, gradient), step, -step)
            moved = theta + step
            there, slope = problem.potential(moved), problem.gradient(moved)
            ratio = energy - there + (log_up(-step, slope) - log_up(step, gradient)).sum(1)
            accept = torch.rand(len(theta), generator=rng).log() < ratio
            gradient = torch.where(accept[:, None], slope, gradient)
            theta = torch.where(accept[:, None], moved, theta)
            energy = torch.where(accept, there, energy)
            if keep:
                yield theta
