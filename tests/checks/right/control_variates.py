from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("control-variates")
@dataclass(frozen=True)
class ControlVariates:
    """SGLD with control variates (SVRG: Dubey et al., 2016): the centre moves every 100 steps."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for k, (batch, keep) in enumerate(problem.steps(self.batch_size, rng)):
            if k % 100 == 0:
                centre, full = theta, problem.gradient(theta)
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch) - problem.gradient(centre, batch) + full
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * noise
            if keep:
                yield theta
