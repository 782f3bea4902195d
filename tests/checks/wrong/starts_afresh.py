from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Generator, Tensor

from bdlbench import Problem, register


@register("starts-afresh")
@dataclass(frozen=True)
class StartsAfresh:
    """Every draw is a new initial state after three steps of gradient descent."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
            if keep:
                theta = problem.init(rng)
                for _ in range(3):
                    theta = theta - self.step_size / 2 * problem.gradient(theta, batch)
                yield theta
