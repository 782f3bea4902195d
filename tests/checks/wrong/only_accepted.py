from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("only-accepted")
@dataclass(frozen=True)
class OnlyAccepted:
    """Metropolis-Hastings that leaves out rejected states: each chain waits for its acceptance."""

    scale: float = 1.5

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        energy = problem.potential(theta)
        for _, keep in problem.steps(None, rng):
            waiting = torch.ones_like(energy, dtype=torch.bool)
            for _ in range(20):
                noise = torch.empty_like(theta).normal_(generator=rng)
                step = self.scale * problem.prior_std * noise
                proposed = problem.potential(theta + step)
                threshold = torch.empty_like(energy).exponential_(generator=rng)
                accepted = waiting & (proposed - energy < threshold)
                theta = torch.where(accepted[:, None], theta + step, theta)
                energy, waiting = torch.where(accepted, proposed, energy), waiting & ~accepted
                if not waiting.any():
                    break
            if keep:
                yield theta
