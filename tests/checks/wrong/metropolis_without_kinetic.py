from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("metropolis-without-kinetic")
@dataclass(frozen=True)
class MetropolisWithoutKinetic:
    """HMC whose test compares U alone, not the kinetic energy; step_size is the leapfrog's."""

    step_size: float = 1e-2
    leapfrogs: int = 3

    def langevin_step(self, epsilon: float) -> MetropolisWithoutKinetic:
        return replace(self, step_size=epsilon**0.5)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, h = problem.init(rng), self.step_size
        for _, keep in problem.steps(None, rng):
            velocity, moved = torch.empty_like(theta).normal_(generator=rng), theta
            for _ in range(self.leapfrogs):
                velocity = velocity - h / 2 * problem.gradient(moved)
                moved = moved + h * velocity
                velocity = velocity - h / 2 * problem.gradient(moved)
            change = problem.potential(moved) - problem.potential(theta)
            accept = torch.rand(len(theta), generator=rng).log() < -change
            theta = torch.where(accept[:, None], moved, theta)
            if keep:
                yield theta
