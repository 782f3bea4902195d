from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("differential-evolution")
@dataclass(frozen=True)
class DifferentialEvolution:
    """DE-MC (ter Braak, 2006), differences from the other half; a walk if there are few chains."""

    walk: float = 0.1

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        half, scale = problem.chains // 2, 2.38 / (2 * problem.dim) ** 0.5
        for k, (_, keep) in enumerate(problem.steps(None, rng)):
            moved, noise = theta.clone(), torch.empty_like(theta).normal_(generator=rng)
            mine = slice(0, half) if k % 2 else slice(half, None)
            if half < 2 * problem.dim + 2 or k % 10 == 0:
                moved += self.walk * problem.prior_std * noise
            else:
                other = theta[half:] if k % 2 else theta[:half]
                picks = torch.rand(len(theta[mine]), len(other), generator=rng).topk(2).indices
                moved[mine] += scale * (other[picks[:, 0]] - other[picks[:, 1]])
            change = problem.potential(moved) - problem.potential(theta)
            accept = torch.rand(len(theta), generator=rng).log() < -change
            theta = torch.where(accept[:, None], moved, theta)
            if keep:
                yield theta
