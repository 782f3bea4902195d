from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("bare-biases")
@dataclass(frozen=True)
class BareBiases:
    """SGLD in the weights; the biases, tensors of one dimension, get neither noise nor prior."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        weights = torch.ones_like(theta[:1])
        for part in problem.unflatten(weights).values():  # views
            part.mul_(part.dim() > 2)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch) - (1 - weights) * theta / problem.prior_std**2
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * weights * noise
            if keep:
                yield theta
