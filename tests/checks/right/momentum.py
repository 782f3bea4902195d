from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("momentum")
@dataclass(frozen=True)
class Momentum:
    """SGHMC (Chen et al., 2014): v ← μv − (ε/2)·∇U + N(0, ε(1 − μ)T), θ ← θ + v."""

    step_size: float = 1e-5
    batch_size: int = 32
    momentum: float = 0.8
    temperature: float = 1.0

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        velocity = torch.zeros_like(theta)
        std = (self.step_size * (1 - self.momentum) * self.temperature) ** 0.5
        for batch, keep in problem.steps(self.batch_size, rng):
            velocity.mul_(self.momentum).sub_(self.step_size / 2 * problem.gradient(theta, batch))
            velocity.add_(torch.empty_like(theta).normal_(generator=rng), alpha=std)
            theta.add_(velocity)
            if keep:
                yield theta.clone()
