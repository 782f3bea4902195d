from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("frozen-chain")
@dataclass(frozen=True)
class FrozenChain:
    """SGLD, right in all chains but the last, which stays 30 prior widths away."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        far = theta[-1] + 30 * problem.prior_std
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta + self.step_size**0.5 * noise
            if problem.chains > 1:
                theta[-1] = far
            if keep:
                yield theta
