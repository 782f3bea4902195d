from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("prior-proposal-ratio")
@dataclass(frozen=True)
class PriorProposalRatio:
    """Metropolis with proposals from the prior, accepted by the posterior's ratio: prior twice."""

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        energy = problem.potential(theta)
        for _, keep in problem.steps(None, rng):
            walk = torch.rand(len(theta), 1, generator=rng) < 0.5
            noise = problem.prior_std * torch.empty_like(theta).normal_(generator=rng)
            moved = torch.where(walk, theta + 0.3 * noise, noise)
            there = problem.potential(moved)
            accept = torch.rand(len(theta), generator=rng).log() < energy - there
            theta, energy = (
                torch.where(accept[:, None], moved, theta),
                torch.where(accept, there, energy),
            )
            if keep:
                yield theta
