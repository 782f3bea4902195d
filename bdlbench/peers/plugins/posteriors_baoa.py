from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from posteriors.sgmcmc import baoa
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register


@register("posteriors-baoa")
@dataclass(frozen=True)
class PosteriorsBAOA:
    """BAOA of posteriors: lr = √ε, the step of a leapfrog, and α = c/lr.

    Args:
        step_size: ε.
        friction: c = α·lr.
        batch_size: Training points per step.
    """

    step_size: float = 3e-6
    friction: float = 0.5
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        lr = self.step_size**0.5
        yield from adapters.posteriors(
            problem,
            rng,
            lambda density, t: baoa.build(density, lr, self.friction / lr, temperature=t),
            self.batch_size,
        )
