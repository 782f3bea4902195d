from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Generator, Tensor

from bdlbench import Problem, register


@register("never-moves")
@dataclass(frozen=True)
class NeverMoves:
    """Pays for the gradients, and yields the initial state."""

    step_size: float = 1e-4
    batch_size: int = 32

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            problem.gradient(theta, batch)
            if keep:
                yield theta
