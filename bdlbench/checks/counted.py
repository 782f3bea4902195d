"""Count the evaluations of U that a sampler makes in JAX, where it charges for them itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax

from bdlbench.posterior.to_jax import JaxPotential

_COUNTS: dict[int, int] = {}


@partial(jax.tree_util.register_dataclass, data_fields=["inner"], meta_fields=["key"])
@dataclass(frozen=True)
class CountedPotential:
    """U(θ) in JAX that counts its evaluations, value and gradient together as one.

    Args:
        inner: U(θ).
        key: Names the count.
    """

    inner: Any
    key: int

    def __call__(self, theta: jax.Array) -> jax.Array:
        """Return U(θ), and count."""
        jax.debug.callback(partial(_count, self.key))
        value: jax.Array = self.inner(theta)
        return value

    def check(self) -> None:
        """Raise the error of an evaluation; see `JaxPotential`."""
        self.inner.check()


def counted(potential: JaxPotential) -> CountedPotential:
    """Return the potential with a count of its own."""
    key = len(_COUNTS)
    _COUNTS[key] = 0
    return CountedPotential(potential, key)


def evaluations(potential: CountedPotential) -> int:
    """Return the number of evaluations, for each chain of a vectorised one."""
    jax.effects_barrier()
    return _COUNTS[potential.key]


def _count(key: int) -> None:
    _COUNTS[key] += 1
