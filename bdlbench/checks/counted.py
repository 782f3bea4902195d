"""U in JAX with a count of its evaluations, for which samplers charge themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax

from bdlbench.adapters.jax_count import counted


@partial(jax.tree_util.register_dataclass, data_fields=["inner"], meta_fields=["counter"])
@dataclass(frozen=True)
class CountedPotential:
    """U(θ) in JAX that counts its evaluations, value and gradient together as one.

    Args:
        inner: U(θ), a `JaxPotential`.
        counter: Called with the number of evaluations, while programs run.
    """

    inner: Any
    counter: Callable[[int], None]

    def __call__(self, theta: jax.Array) -> jax.Array:
        """Return U(θ), and count."""
        value: jax.Array = self.inner(counted(theta, self.counter))
        return value

    def check(self) -> None:
        """Raise the error of an evaluation; see `JaxPotential`."""
        self.inner.check()
