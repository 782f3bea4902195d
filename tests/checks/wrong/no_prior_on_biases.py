from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("no-prior-on-biases")
@dataclass(frozen=True)
class NoPriorOnBiases:
    """SGLD with the prior on weights alone: none on the biases."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        biases = torch.zeros_like(theta[:1])
        for part in problem.unflatten(biases).values():  # views
            part.add_(part.dim() == 2)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch) - biases * theta / problem.prior_std**2
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * noise
            if keep:
                yield theta
