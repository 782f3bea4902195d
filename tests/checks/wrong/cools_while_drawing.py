from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("cools-while-drawing")
@dataclass(frozen=True)
class CoolsWhileDrawing:
    """SGLD that cools from T = 1.5 at burn-in to T = ½ at the end: 1 on average."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            past = max(0.0, problem.progress - problem.burn_in) / (1 - problem.burn_in)
            noise = (1.5 - past) ** 0.5 * noise
            gradient = problem.gradient(theta, batch)
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * noise
            if keep:
                yield theta
