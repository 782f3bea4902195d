from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("mala-without-back")
@dataclass(frozen=True)
class MalaWithoutBack:
    """MALA whose test takes the proposal for a symmetric one: T → ½."""

    step_size: float = 1e-4

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, eps = problem.init(rng), self.step_size
        for _, keep in problem.steps(None, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            moved = theta - eps / 2 * problem.gradient(theta) + eps**0.5 * noise
            change = problem.potential(moved) - problem.potential(theta)
            accept = torch.rand(len(theta), generator=rng).log() < -change
            theta = torch.where(accept[:, None], moved, theta)
            if keep:
                yield theta
