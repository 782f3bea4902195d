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


@register("blackjax-sghmc")
@dataclass(frozen=True)
class BlackjaxSGHMC:
    """SGHMC of blackjax with its default of L = 10 gradients for each momentum.

    A step of size h moves θ by about L·h, in L gradients: h = √(ε/L) moves as far as Langevin
    dynamics does in L steps.

    Args:
        step_size: ε.
        length: L.
        batch_size: Training points per step.
    """

    metropolis: ClassVar[bool] = False
    step_size: float = 3e-6
    length: int = 10
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        h = (self.step_size / self.length) ** 0.5

        def step(density: LogDensity, key: Array, theta: Array, batch: Array) -> Any:
            return blackjax.sghmc(jax.grad(density), self.length).step(key, theta, batch, h)

        yield from adapters.jax_kernel(
            problem, rng, None, step, self.batch_size, gradients=self.length
        )
