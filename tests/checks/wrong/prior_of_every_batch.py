from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("prior-of-every-batch")
@dataclass(frozen=True)
class PriorOfEveryBatch:
    """SGLD with the prior in the minibatch's loss, and all of it multiplied by N/n."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            more = problem.n / self.batch_size - 1
            gradient = problem.gradient(theta, batch) + more * theta / problem.prior_std**2
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * noise
            if keep:
                yield theta
