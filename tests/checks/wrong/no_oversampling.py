from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("no-oversampling")
@dataclass(frozen=True)
class NoOversampling:
    """SGLD with the minibatch's likelihood as it is, not multiplied by N/n."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            prior = theta / problem.prior_std**2
            likelihood = (problem.gradient(theta, batch) - prior) * self.batch_size / problem.n
            theta = theta - self.step_size / 2 * (likelihood + prior)
            theta = theta + self.step_size**0.5 * noise
            if keep:
                yield theta
