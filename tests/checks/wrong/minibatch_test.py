from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("minibatch-test")
@dataclass(frozen=True)
class MinibatchTest:
    """Random-walk Metropolis whose two potentials are of different minibatches."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        last = None
        for batch, keep in problem.steps(self.batch_size, rng):
            moved = theta + self.step_size**0.5 * torch.empty_like(theta).normal_(generator=rng)
            last = batch if last is None else last
            change = problem.potential(moved, batch) - problem.potential(theta, last)
            accept = torch.rand(len(theta), generator=rng).log() < -change
            theta, last = torch.where(accept[:, None], moved, theta), batch
            if keep:
                yield theta
