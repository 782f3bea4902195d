from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from posteriors.sgmcmc import sgnht
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register


@register("posteriors-sgnht")
@dataclass(frozen=True)
class PosteriorsSGNHT:
    """SGNHT of posteriors: lr = √ε/4, and α = friction/prior_std at every step size.

    Args:
        step_size: ε.
        friction: α in units of 1/prior_std.
        batch_size: Training points per step.
    """

    step_size: float = 3e-6
    friction: float = 4.0
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        lr, alpha = self.step_size**0.5 / 4, self.friction / problem.prior_std
        yield from adapters.posteriors(
            problem, rng, lambda f, t: sgnht.build(f, lr, alpha, temperature=t), self.batch_size
        )
