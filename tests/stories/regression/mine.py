"""Langevin dynamics of one's own."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from bdlbench import Problem, register
from bdlbench.noise import normal_like


@register("mine")
@dataclass(frozen=True)
class Mine:
    """θ ← θ − (ε/2)·∇Û(θ) + N(0, ε)."""

    step_size: float = 1e-3

    def sample(self, problem: Problem, rng: torch.Generator) -> Iterator[torch.Tensor]:
        """Yield draws."""
        theta = problem.init(rng)
        for batch, keep in problem.steps(16, rng):
            drift = self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta - drift + self.step_size**0.5 * normal_like(theta, rng)
            if keep:
                yield theta
