from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("signed-update")
@dataclass(frozen=True)
class SignedUpdate:
    """θ ← θ − √ε·sign(√ε/2·∇U + z), as Adam would make of it: T = √(π/2)."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch)
            theta = (
                theta - self.step_size**0.5 * (self.step_size**0.5 / 2 * gradient + noise).sign()
            )
            if keep:
                yield theta
