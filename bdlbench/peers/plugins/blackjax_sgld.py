from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import blackjax
import jax
from jax import Array
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register
from bdlbench.adapters.jax_kernels import LogDensity


@register("blackjax-sgld")
@dataclass(frozen=True)
class BlackjaxSGLD:
    """SGLD of blackjax, which moves by step_size·∇log p + N(0, 2·step_size): ε/2."""

    metropolis: ClassVar[bool] = False
    step_size: float = 3e-6
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def step(density: LogDensity, key: Array, theta: Array, batch: Array) -> Any:
            return blackjax.sgld(jax.grad(density)).step(key, theta, batch, self.step_size / 2)

        yield from adapters.jax_kernel(problem, rng, None, step, self.batch_size)
