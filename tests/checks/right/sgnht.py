from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("sgnht")
@dataclass(frozen=True)
class Sgnht:
    """SGNHT (Ding et al., 2014, algorithm 2), h = √(ε/2): the friction ξ adapts. O(√ε) bias."""

    step_size: float = 1e-4
    batch_size: int = 32
    friction: float = 1.0

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        h = (self.step_size / 2) ** 0.5
        velocity = torch.empty_like(theta).normal_(generator=rng)
        diffusion = self.friction / problem.prior_std  # the paper's A
        xi = torch.full_like(theta[:, :1], diffusion)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            velocity = velocity - h * xi * velocity - h * problem.gradient(theta, batch)
            velocity = velocity + (2 * diffusion * h) ** 0.5 * noise
            theta = theta + h * velocity
            xi = xi + h * (velocity.square().mean(1, keepdim=True) - 1)
            if keep:
                yield theta
