from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("last-layer-noise")
@dataclass(frozen=True)
class LastLayerNoise:
    """SGLD in the last layer; gradient descent in the others, if there are any."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        weights = torch.zeros_like(theta[:1])
        parts = problem.unflatten(weights)  # views
        last = [*parts][-1].rsplit(".", 1)[0]
        for name, part in parts.items():
            part.fill_(float(name.rsplit(".", 1)[0] == last))
        for batch, keep in problem.steps(self.batch_size, rng):
            noise = torch.empty_like(theta).normal_(generator=rng)
            gradient = problem.gradient(theta, batch)
            theta = theta - self.step_size / 2 * gradient + self.step_size**0.5 * weights * noise
            if keep:
                yield theta
