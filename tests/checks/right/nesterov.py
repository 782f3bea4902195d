from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("nesterov")
@dataclass(frozen=True)
class Nesterov:
    """SGHMC (Chen et al., 2014) with the gradient at θ + μv (Nesterov): bias O(ε)."""

    step_size: float = 1e-4
    batch_size: int = 32
    momentum: float = 0.9

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, mu = problem.init(rng), self.momentum
        velocity = torch.zeros_like(theta)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta + mu * velocity, batch)
            velocity = mu * velocity - self.step_size / 2 * gradient
            velocity = velocity + (self.step_size * (1 - mu)) ** 0.5 * noise
            theta = theta + velocity
            if keep:
                yield theta
