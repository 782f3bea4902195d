"""Minibatch estimates of U(θ) in JAX."""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp
from jax import Array

from bdlbench.posterior.jax_callback import CalledPotential
from bdlbench.posterior.to_jax import JaxPotential, TranslatedPotential


def on_minibatch(potential: JaxPotential, batch: Array, n: int) -> JaxPotential:
    """Return the unbiased estimate of U(θ) from a minibatch, as in `Posterior.potential`.

    Args:
        potential: U(θ) on all data, of `Problem.to_jax`.
        batch: Indices of training points, shape (size,).
        n: Number of training points.
    """
    if isinstance(potential, CalledPotential):
        return dataclasses.replace(potential, batch=batch)
    if not isinstance(potential, TranslatedPotential):  # it wraps another
        wrapped: JaxPotential = potential.on_minibatch(batch, n)  # type: ignore[attr-defined]
        return wrapped
    x, y = (part.reshape(-1, *part.shape[2:]) for part in (potential.x, potential.y))
    # The weight of a point is that of the likelihood: N/size for each of the minibatch.
    weight = jnp.full((1, len(batch)), n / len(batch), jnp.float32)
    return dataclasses.replace(potential, x=x[batch][None], y=y[batch][None], weight=weight)
