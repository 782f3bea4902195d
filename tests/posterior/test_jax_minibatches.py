"""Minibatch estimates of U in JAX."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch

from bdlbench.posterior import to_jax
from bdlbench.posterior.jax_callback import CalledPotential, Torch
from bdlbench.posterior.jax_minibatches import on_minibatch
from tests.posterior.test_jax_callback import assert_close, posterior_of, states


@pytest.mark.parametrize("called", [False, True])
def test_value_and_gradient_are_those_of_the_posterior(
    called: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(to_jax, "ROWS", 8)  # 20 points in three padded chunks
    posterior = posterior_of("mlp-5")
    theta = states(posterior, 2)
    batch = np.array([[0, 7, 8, 19], [3, 3, 15, 16]])
    whole = CalledPotential(Torch(posterior)) if called else to_jax.translated(posterior)

    def estimate(point: jax.Array, rows: jax.Array) -> jax.Array:
        return on_minibatch(whole, rows, posterior.n)(point)

    found = jax.jit(jax.vmap(jax.value_and_grad(estimate)))(theta, jnp.asarray(batch))
    rows, points = torch.from_numpy(batch), torch.from_numpy(theta)
    assert_close(found[0], posterior.potential(points, rows))
    assert_close(found[1], posterior.gradient(points, rows))
    shared = jax.vmap(jax.grad(estimate), (0, None))(theta, jnp.asarray(batch[0]))
    assert_close(shared, posterior.gradient(points, rows[:1].expand(2, -1)))
    one = jax.vmap(estimate, (None, 0))(jnp.asarray(theta[0]), jnp.asarray(batch))
    assert_close(one, posterior.potential(points[:1].expand(2, -1), rows))
