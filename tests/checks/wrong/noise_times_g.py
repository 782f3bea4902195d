from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("noise-times-g")
@dataclass(frozen=True)
class NoiseTimesG:
    """Preconditioned SGLD whose noise is multiplied by G, not by √G."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        scale = torch.linspace(0.5, 1.5, problem.dim, device=theta.device)  # G, a constant
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - self.step_size / 2 * scale * problem.gradient(theta, batch)
            theta = theta + self.step_size**0.5 * scale * noise
            if keep:
                yield theta
