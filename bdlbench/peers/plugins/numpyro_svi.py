from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

import jax
import numpyro
from jax import Array
from numpyro.distributions import ImproperUniform, Normal, constraints
from numpyro.infer import SVI, Trace_ELBO
from torch import Generator, Tensor

from bdlbench import Problem, adapters, register
from bdlbench.adapters.jax_kernels import LogDensity


@register("numpyro-svi")
@dataclass(frozen=True)
class NumPyroSVI:
    """A diagonal Gaussian, fitted by stochastic variational inference of NumPyro.

    It draws from the Gaussian while that is fitted.
    """

    target: ClassVar[str] = "approximate"
    learning_rate: float = 1e-3
    batch_size: int = 128

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        def model(density: LogDensity, start: Array, batch: Any = None) -> None:
            flat = ImproperUniform(constraints.real_vector, (), start.shape)
            numpyro.factor("posterior", density(numpyro.sample("theta", flat), batch))

        def guide(density: LogDensity, start: Array, batch: Any = None) -> None:
            loc = numpyro.param("loc", start)
            scale = numpyro.param("scale", 0.01 + 0 * start, constraint=constraints.positive)
            numpyro.sample("theta", Normal(loc, scale).to_event(1))

        svi = SVI(model, guide, numpyro.optim.Adam(self.learning_rate), Trace_ELBO())

        def init(density: LogDensity, key: Array, theta: Array) -> Any:
            return {"svi": svi.init(key, density, theta), "theta": theta}

        def step(density: LogDensity, key: Array, state: Any, batch: Array) -> Any:
            fitted, _ = svi.update(state["svi"], density, state["theta"], batch)
            q = svi.get_params(fitted)
            noise = jax.random.normal(key, q["loc"].shape)
            return {"svi": fitted, "theta": q["loc"] + q["scale"] * noise}

        yield from adapters.jax_kernel(
            problem, rng, init, step, self.batch_size, position=lambda state: state["theta"]
        )
