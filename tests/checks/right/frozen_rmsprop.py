from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("frozen-rmsprop")
@dataclass(frozen=True)
class FrozenRmsprop:
    """Preconditioned SGLD (Li et al., 2016) whose V is frozen after burn-in: Γ is then 0."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        square = problem.gradient(theta).square()
        for batch, keep in problem.steps(self.batch_size, rng):
            noise, gradient = (
                torch.empty_like(theta).normal_(generator=rng),
                problem.gradient(theta, batch),
            )
            if problem.progress < problem.burn_in / 2:
                square = 0.99 * square + 0.01 * gradient.square()
            root = square.sqrt()
            g = 1 / (0.3 + root / root.amax(1, keepdim=True)) / 3.4
            theta = theta - self.step_size / 2 * g * gradient + (self.step_size * g) ** 0.5 * noise
            if keep:
                yield theta
