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


@register("blackjax-sgnht")
@dataclass(frozen=True)
class BlackjaxSGNHT:
    """SGNHT of blackjax: step_size = √ε/4, and α = friction/prior_std at every step size.

    Args:
        step_size: ε.
        friction: α in units of 1/prior_std.
        batch_size: Training points per step.
    """

    metropolis: ClassVar[bool] = False
    step_size: float = 3e-6
    friction: float = 4.0
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        h, alpha = self.step_size**0.5 / 4, self.friction / problem.prior_std

        def init(density: LogDensity, key: Array, theta: Array) -> Any:
            return blackjax.sgnht(jax.grad(density), alpha).init(theta, key)

        def step(density: LogDensity, key: Array, state: Any, batch: Array) -> Any:
            return blackjax.sgnht(jax.grad(density), alpha).step(key, state, batch, h)

        yield from adapters.jax_kernel(problem, rng, init, step, self.batch_size)
