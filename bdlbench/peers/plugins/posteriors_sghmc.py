from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from posteriors.sgmcmc import sghmc
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register


@register("posteriors-sghmc")
@dataclass(frozen=True)
class PosteriorsSGHMC:
    """SGHMC of posteriors: lr = √(c·ε)/2, α = c/lr, which moves like Langevin dynamics with ε/2.

    Its bias is then that of Langevin dynamics with ε, to leading order.

    Args:
        step_size: ε.
        friction: c = α·lr, the share of the momentum that is lost in a step.
        batch_size: Training points per step.
    """

    step_size: float = 3e-6
    friction: float = 0.1
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        lr = (self.friction * self.step_size) ** 0.5 / 2
        yield from adapters.posteriors(
            problem,
            rng,
            lambda density, t: sghmc.build(density, lr, self.friction / lr, temperature=t),
            self.batch_size,
        )
