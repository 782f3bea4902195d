"""U in JAX with a count of its evaluations, for which samplers charge themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax

from bdlbench.adapters.jax_count import counted
from bdlbench.posterior.jax_minibatches import on_minibatch


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["inner", "batch"],
    meta_fields=["counter", "points"],
)
@dataclass(frozen=True)
class CountedPotential:
    """U(θ) in JAX that counts its evaluations, value and gradient together as one.

    Args:
        inner: U(θ), a `JaxPotential`.
        counter: Called with the number of evaluations of single points, while programs run.
        points: Training points on which U is evaluated.
        batch: Their indices; None for all.
    """

    inner: Any
    counter: Callable[[int], None]
    points: int
    batch: jax.Array | None = None

    def __call__(self, theta: jax.Array) -> jax.Array:
        """Return U(θ), and count."""
        value: jax.Array = self.inner(counted(theta, self._count, self.batch))
        return value

    def on_minibatch(self, batch: jax.Array, n: int) -> CountedPotential:
        """Return the estimate from a minibatch, whose evaluations are counted, too."""
        inner = on_minibatch(self.inner, batch, n)
        return replace(self, inner=inner, points=batch.shape[-1], batch=batch)

    def check(self) -> None:
        """Raise the error of an evaluation; see `JaxPotential`."""
        self.inner.check()

    def _count(self, evaluations: int) -> None:
        self.counter(self.points * evaluations)
