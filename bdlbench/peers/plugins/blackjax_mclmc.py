from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import blackjax
from jax import Array
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register
from bdlbench.adapters.jax_kernels import LogDensity


@register("blackjax-mclmc")
@dataclass(frozen=True)
class BlackjaxMCLMC:
    """MCLMC of blackjax, without a Metropolis test: step_size = √(ε·dim), L in steps.

    The momentum has norm 1, so that a coordinate moves by step_size/√dim.

    Args:
        step_size: ε.
        steps: L/step_size, after which the momentum is forgotten.
    """

    metropolis: ClassVar[bool] = False
    step_size: float = 3e-6
    steps: float = 5.0

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        h = (self.step_size * problem.dim) ** 0.5

        def init(density: LogDensity, key: Array, theta: Array) -> Any:
            return blackjax.mclmc(density, self.steps * h, h).init(theta, key)

        def step(density: LogDensity, key: Array, state: Any) -> Any:
            return blackjax.mclmc(density, self.steps * h, h).step(key, state)

        # McLachlan's integrator has two gradients.
        yield from adapters.jax_kernel(problem, rng, init, step, gradients=2)
