from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("prior-proposals")
@dataclass(frozen=True)
class PriorProposals:
    """Metropolis–Hastings (1970): a random walk mixed with proposals from the prior."""

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def cost(theta: Tensor) -> Tensor:  # −log likelihood
            prior = theta.double().square().sum(1) / (2 * problem.prior_std**2)
            return problem.potential(theta) - prior

        theta = problem.init(rng)
        for _, keep in problem.steps(None, rng):
            walk = torch.rand(len(theta), generator=rng) < 0.5
            noise = problem.prior_std * torch.empty_like(theta).normal_(generator=rng)
            moved = torch.where(walk[:, None], theta + 0.3 * noise, noise)
            walked = problem.potential(moved) - problem.potential(theta)
            change = torch.where(walk, walked, cost(moved) - cost(theta))
            accept = torch.rand(len(theta), generator=rng).log() < -change
            theta = torch.where(accept[:, None], moved, theta)
            if keep:
                yield theta
