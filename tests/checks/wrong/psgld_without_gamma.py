from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("psgld-without-gamma")
@dataclass(frozen=True)
class PsgldWithoutGamma:
    """pSGLD (Li et al., 2016) whose V never freezes, without the term Γ = ∂G/∂θ."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        square = problem.gradient(theta).square()
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch)
            square = 0.99 * square + 0.01 * gradient.square()
            root = square.sqrt()
            g = 1 / (0.1 + root / root.amax(1, keepdim=True))
            theta = (
                theta
                - self.step_size / 20 * g * gradient
                + (self.step_size / 10 * g) ** 0.5 * noise
            )
            if keep:
                yield theta
