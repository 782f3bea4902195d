from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("one-noise-per-tensor")
@dataclass(frozen=True)
class OneNoisePerTensor:
    """SGLD with one number of noise for all elements of a tensor."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.zeros_like(theta)
            for part in problem.unflatten(noise).values():  # views
                shape = (len(theta),) + (1,) * (part.dim() - 1)
                part.copy_(torch.empty(shape).normal_(generator=rng).expand_as(part))
            gradient = problem.gradient(theta, batch)
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * noise
            if keep:
                yield theta
