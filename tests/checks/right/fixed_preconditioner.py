from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("fixed-preconditioner")
@dataclass(frozen=True)
class FixedPreconditioner:
    """SGLD with a constant matrix G: θ ← θ − (ε/2)·G∇U + N(0, εG)."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        root = torch.linspace(0.7, 1.0, problem.dim).diag()  # of G, lower triangular
        if problem.dim > 1:
            root[1, 0] = 0.2
        for batch, keep in problem.steps(self.batch_size, rng):
            drift = problem.gradient(theta, batch) @ root @ root.T
            noise = torch.empty_like(theta).normal_(generator=rng) @ root.T
            theta = theta - self.step_size / 2 * drift + self.step_size**0.5 * noise
            if keep:
                yield theta
