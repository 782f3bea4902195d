from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("fitted-gaussian")
@dataclass(frozen=True)
class FittedGaussian:
    """A Gaussian with the moments of each chain's own Langevin path: variational inference."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        path: list[Tensor] = []
        for batch, _ in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta + self.step_size**0.5 * noise
            if problem.progress >= max(problem.burn_in, 0.2) + len(path) / 400:
                path.append(theta)
        states = torch.stack(path)
        mean = states.mean(0)
        spread = (states - mean) / max(len(path) - 1, 1) ** 0.5
        for _ in range(problem.draws):
            weights = torch.empty(states.shape[:2]).normal_(generator=rng)
            yield mean + (weights[:, :, None] * spread).sum(0)
