from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from posteriors.sgmcmc import sgld
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register


@register("posteriors-sgld")
@dataclass(frozen=True)
class PosteriorsSGLD:
    """SGLD of posteriors, which moves by lr·∇log p + N(0, 2·lr): lr = ε/2."""

    step_size: float = 3e-6
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        yield from adapters.posteriors(
            problem,
            rng,
            lambda density, t: sgld.build(density, self.step_size / 2, temperature=t),
            self.batch_size,
        )
