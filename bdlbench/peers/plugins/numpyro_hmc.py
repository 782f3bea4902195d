from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from jax import Array
from numpyro.infer import HMC
from numpyro.infer.util import ParamInfo
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register
from bdlbench.adapters.jax_kernels import LogDensity

FIXED = {"adapt_step_size": False, "adapt_mass_matrix": False, "trajectory_length": None}


@register("numpyro-hmc")
@dataclass(frozen=True)
class NumPyroHMC:
    """HMC of NumPyro with unit masses and a fixed step size.

    Args:
        leapfrog: Step size of a leapfrog, √ε.
        leapfrogs: Number of leapfrogs.
    """

    leapfrog: float = 0.003
    leapfrogs: int = 5

    def langevin_step(self, epsilon: float) -> NumPyroHMC:
        """A leapfrog proposes like Langevin dynamics of step size leapfrog²."""
        return replace(self, leapfrog=epsilon**0.5)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def hmc(density: LogDensity) -> Any:
            return HMC(
                None,
                lambda theta: -density(theta),
                step_size=self.leapfrog,
                num_steps=self.leapfrogs,
                **FIXED,
            )

        def init(density: LogDensity, key: Array, theta: Array) -> Any:
            return hmc(density).init(key, 0, theta, (), {})

        def step(density: LogDensity, key: Array, state: Any) -> Any:
            kernel = hmc(density)  # which must be initialised, here with what is known
            start = ParamInfo(state.z, state.potential_energy, state.z_grad)
            return kernel.sample(kernel.init(key, 0, start, (), {}), (), {})

        yield from adapters.jax_kernel(
            problem, rng, init, step, gradients=self.leapfrogs, position=lambda state: state.z
        )
