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


@register("blackjax-hmc")
@dataclass(frozen=True)
class BlackjaxHMC:
    """HMC of blackjax with unit masses.

    Args:
        leapfrog: Step size of a leapfrog, √ε.
        leapfrogs: Number of leapfrogs.
    """

    leapfrog: float = 0.003
    leapfrogs: int = 5

    def langevin_step(self, epsilon: float) -> BlackjaxHMC:
        """A leapfrog proposes like Langevin dynamics of step size leapfrog²."""
        return replace(self, leapfrog=epsilon**0.5)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        mass = jnp.ones(problem.dim)

        def init(density: LogDensity, key: Array, theta: Array) -> Any:
            return blackjax.hmc(density, self.leapfrog, mass, self.leapfrogs).init(theta)

        def step(density: LogDensity, key: Array, state: Any) -> Any:
            return blackjax.hmc(density, self.leapfrog, mass, self.leapfrogs).step(key, state)

        yield from adapters.jax_kernel(problem, rng, init, step, gradients=self.leapfrogs)
