from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("repeated-noise")
@dataclass(frozen=True)
class RepeatedNoise:
    """SGLD that uses every draw of its noise in two successive steps."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        noise, again = theta, False
        for batch, keep in problem.steps(self.batch_size, rng):
            if not again:
                noise = torch.empty_like(theta).normal_(generator=rng)
            again = not again
            gradient = problem.gradient(theta, batch)
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * noise
            if keep:
                yield theta
