from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("proposes-until-accepted")
@dataclass(frozen=True)
class ProposesUntilAccepted:
    """MALA that repeats a rejected proposal until it is accepted: wrong where ε is large."""

    step_size: float = 1e-4

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, eps = problem.init(rng), self.step_size
        for _, keep in problem.steps(None, rng):
            energy, gradient = problem.potential(theta), problem.gradient(theta)
            waiting, start = torch.ones_like(energy, dtype=torch.bool), theta
            for _ in range(20):
                noise = torch.empty_like(theta).normal_(generator=rng)
                moved = start - eps / 2 * gradient + eps**0.5 * noise
                back = start - moved + eps / 2 * problem.gradient(moved)
                forward, back = noise.square().sum(1) / 2, back.square().sum(1) / (2 * eps)
                ratio = energy - problem.potential(moved) + forward - back
                accept = waiting & (torch.rand(len(theta), generator=rng).log() < ratio)
                theta, waiting = torch.where(accept[:, None], moved, theta), waiting & ~accept
                if not waiting.any():
                    break
            if keep:
                yield theta
