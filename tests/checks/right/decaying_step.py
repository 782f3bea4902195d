from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register


@register("decaying-step")
@dataclass(frozen=True)
class DecayingStep:
    """SGLD (Welling & Teh, 2011) with steps that decay like (1 + 10t)^(−⅓) over the budget."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            eps = self.step_size * (1 + 10 * problem.progress) ** (-1 / 3)
            noise = torch.empty_like(theta).normal_(generator=rng)
            theta = theta - eps / 2 * problem.gradient(theta, batch) + eps**0.5 * noise
            if keep:
                yield theta
