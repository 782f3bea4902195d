from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("no-metropolis-test")
@dataclass(frozen=True)
class NoMetropolisTest:
    """HMC with one large leapfrog, and no Metropolis test."""

    leap: float = 0.8

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        step = self.leap * problem.prior_std
        for _, keep in problem.steps(None, rng):
            velocity = torch.empty_like(theta).normal_(generator=rng)
            velocity = velocity - step / 2 * problem.gradient(theta)
            theta = theta + step * velocity
            if keep:
                yield theta
