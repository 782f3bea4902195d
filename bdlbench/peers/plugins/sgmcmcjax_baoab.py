from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any, ClassVar

from jax import Array
from jax import numpy as jnp
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register
from bdlbench.adapters.jax_kernels import LogDensity

# Its progress bar imports a module that JAX no longer has.
UNUSED = "jax.experimental.host_callback"
sys.modules.setdefault(UNUSED, ModuleType(UNUSED))
from sgmcmcjax.kernels import build_baoab_kernel  # noqa: E402


@register("sgmcmcjax-baoab")
@dataclass(frozen=True)
class SGMCMCJaxBAOAB:
    """BAOAB of SGMCMCJax: dt = √ε, the step of a leapfrog, and γ = c/dt.

    Args:
        step_size: ε.
        friction: c = γ·dt.
        batch_size: Training points per step.
    """

    metropolis: ClassVar[bool] = False
    step_size: float = 3e-6
    friction: float = 0.5
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        dt = self.step_size**0.5

        def kernel(density: LogDensity, batch: Array) -> Any:
            # A minibatch is one "data point", so that it is the clock's.
            data = (batch[None],)
            return build_baoab_kernel(dt, density, lambda _: 0.0, data, 1, self.friction / dt)

        def init(density: LogDensity, key: Array, theta: Array) -> Any:
            start, _, _ = kernel(density, jnp.arange(problem.n))
            return start(key, theta)

        def step(density: LogDensity, key: Array, state: Any, batch: Array) -> Any:
            _, move, _ = kernel(density, batch)
            return move(1, key, state)

        yield from adapters.jax_kernel(
            problem,
            rng,
            init,
            step,
            self.batch_size,
            position=lambda state: state.diffusion_state.packed_state[0][0],
        )
