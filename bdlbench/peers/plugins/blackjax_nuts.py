from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import blackjax
from jax import Array
from jax import numpy as jnp
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register
from bdlbench.adapters.jax_kernels import LogDensity


@register("blackjax-nuts")
@dataclass(frozen=True)
class BlackjaxNUTS:
    """NUTS of blackjax with unit masses.

    Args:
        leapfrog: Step size of a leapfrog, √ε.
        doublings: Largest number of doublings of a trajectory.
    """

    leapfrog: float = 0.003
    doublings: int = 4

    def langevin_step(self, epsilon: float) -> BlackjaxNUTS:
        """A leapfrog proposes like Langevin dynamics of step size leapfrog²."""
        return replace(self, leapfrog=epsilon**0.5)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        mass, most = jnp.ones(problem.dim), self.doublings

        def nuts(density: LogDensity) -> Any:
            return blackjax.nuts(density, self.leapfrog, mass, max_num_doublings=most)

        def init(density: LogDensity, key: Array, theta: Array) -> Any:
            return nuts(density).init(theta)

        def step(density: LogDensity, key: Array, state: Any) -> Any:
            return nuts(density).step(key, state)

        yield from adapters.jax_kernel(problem, rng, init, step, gradients=2**most - 1)
