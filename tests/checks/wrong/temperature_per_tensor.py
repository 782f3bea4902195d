from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("temperature-per-tensor")
@dataclass(frozen=True)
class TemperaturePerTensor:
    """SGLD with T = 1.1 and T = 0.9 in turn, from tensor to tensor."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        std = torch.full_like(theta[:1], self.step_size**0.5)
        for k, part in enumerate(problem.unflatten(std).values()):  # views
            part.mul_((0.9 if k % 2 else 1.1) ** 0.5)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch)
            theta = theta - self.step_size / 2 * gradient + std * noise
            if keep:
                yield theta
