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
from sgmcmcjax.kernels import build_sgld_kernel  # noqa: E402


@register("sgmcmcjax-sgld")
@dataclass(frozen=True)
class SGMCMCJaxSGLD:
    """SGLD of SGMCMCJax, which moves by dt·∇log p + N(0, 2·dt): dt = ε/2."""

    metropolis: ClassVar[bool] = False
    step_size: float = 3e-6
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def kernel(density: LogDensity, batch: Array) -> Any:
            # A minibatch is one "data point", so that it is the clock's.
            data = (batch[None],)
            return build_sgld_kernel(self.step_size / 2, density, lambda _: 0.0, data, 1)

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
