from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("clipped-gradient")
@dataclass(frozen=True)
class ClippedGradient:
    """SGLD with the gradient clipped at its running mean norm."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        usual = problem.gradient(theta).norm(dim=1, keepdim=True)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch)
            norm = gradient.norm(dim=1, keepdim=True)
            usual = 0.99 * usual + 0.01 * norm
            gradient = gradient * (usual / norm).clamp(max=1.0)
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * noise
            if keep:
                yield theta
