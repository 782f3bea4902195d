from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from pyro.infer import HMC
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register


@register("pyro-hmc")
@dataclass(frozen=True)
class PyroHMC:
    """HMC of Pyro with unit masses and a fixed step size.

    Args:
        leapfrog: Step size of a leapfrog, √ε.
        leapfrogs: Number of leapfrogs.
    """

    leapfrog: float = 0.003
    leapfrogs: int = 5

    def langevin_step(self, epsilon: float) -> PyroHMC:
        """A leapfrog proposes like Langevin dynamics of step size leapfrog²."""
        return replace(self, leapfrog=epsilon**0.5)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def chain(potential: Any, theta: Tensor) -> Iterator[Tensor]:
            kernel = HMC(
                potential_fn=lambda z: potential(z["theta"]),
                step_size=self.leapfrog,
                num_steps=self.leapfrogs,
                adapt_step_size=False,
                adapt_mass_matrix=False,
            )
            state = kernel.initial_params = {"theta": theta}
            kernel.setup(0)
            while True:
                state = kernel.sample(state)
                yield state["theta"]

        yield from adapters.torch_chains(problem, rng, chain, gradients=self.leapfrogs)
