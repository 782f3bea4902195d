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


@register("blackjax-csgld")
@dataclass(frozen=True)
class BlackjaxCSGLD:
    """Contour SGLD of blackjax: its draws are of a flattened density, and would need weights.

    Args:
        step_size: ε.
        learning: Step size of the estimated distribution of the energy.
        batch_size: Training points per step.
    """

    target: ClassVar[str] = "approximate"
    step_size: float = 3e-6
    learning: float = 1e-3
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def init(density: LogDensity, key: Array, theta: Array) -> Any:
            return blackjax.csgld(density, jax.grad(density)).init(theta)

        def step(density: LogDensity, key: Array, state: Any, batch: Array) -> Any:
            kernel = blackjax.csgld(density, jax.grad(density))
            return kernel.step(key, state, batch, self.step_size / 2, self.learning)

        yield from adapters.jax_kernel(problem, rng, init, step, self.batch_size, gradients=2)
