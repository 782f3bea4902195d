from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("cold-later-layers")
@dataclass(frozen=True)
class ColdLaterLayers:
    """SGLD at T = 1 in the first layer, and T = ¼ in all others."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        std = torch.full_like(theta[:1], self.step_size**0.5)
        parts = problem.unflatten(std)  # views
        first = next(iter(parts)).rsplit(".", 1)[0]
        for name, part in parts.items():
            part.mul_(1.0 if name.rsplit(".", 1)[0] == first else 0.5)
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch) + std * noise
            if keep:
                yield theta
