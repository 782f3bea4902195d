from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import blackjax
from jax import Array
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register
from bdlbench.adapters.jax_kernels import LogDensity


@register("blackjax-mala")
@dataclass(frozen=True)
class BlackjaxMALA:
    """MALA of blackjax, which proposes θ + step_size·∇log p + N(0, 2·step_size): ε/2."""

    step_size: float = 3e-6

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def init(density: LogDensity, key: Array, theta: Array) -> Any:
            return blackjax.mala(density, self.step_size / 2).init(theta)

        def step(density: LogDensity, key: Array, state: Any) -> Any:
            return blackjax.mala(density, self.step_size / 2).step(key, state)

        yield from adapters.jax_kernel(problem, rng, init, step)
