from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("centred-noise")
@dataclass(frozen=True)
class CentredNoise:
    """SGLD with its noise centred over the chains, and rescaled: no noise in a single chain."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta, chains = problem.init(rng), problem.chains
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            noise = (noise - noise.mean(0)) * (chains / max(chains - 1, 1)) ** 0.5
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            theta = theta + self.step_size**0.5 * noise
            if keep:
                yield theta
