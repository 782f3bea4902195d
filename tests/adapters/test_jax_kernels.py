"""JAX kernels on an exactly known posterior: their moments, their cost, their keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import pytest
import torch
from jax import Array, lax
from torch import Tensor

from bdlbench.adapters import jax_kernel
from bdlbench.adapters.jax_kernels import LogDensity
from bdlbench.checks.global_state import watched
from bdlbench.checks.trial import Trial
from bdlbench.errors import Diverged
from bdlbench.problem import Budget, Problem
from tests.adapters.known import (
    BIAS,
    CURVATURE,
    EPSILON,
    EXACT,
    N,
    Sample,
    assert_exact,
    over_dispersed,
    problem,
    rng,
    run,
)
from tests.posterior import modules

Step = Callable[..., Any]


def langevin(log_density: LogDensity, key: Array, theta: Array, *batch: Array) -> Array:
    noise = jax.random.normal(key, theta.shape)
    return theta + EPSILON / 2 * jax.grad(log_density)(theta, *batch) + EPSILON**0.5 * noise


def kernel(step: Step, init: Any = None, **options: Any) -> Sample:
    def sample(made: Problem, rng: torch.Generator) -> Iterator[Tensor]:
        return jax_kernel(made, rng, init, step, **options)

    return sample


def test_langevin_dynamics_samples_the_posterior() -> None:
    made = problem(500)
    with watched():
        draws = run(kernel(langevin), made)
    assert_exact(draws, BIAS)
    assert made.epochs == 500 * made.chains


def descent(log_density: LogDensity, key: Array, theta: Array, *batch: Array) -> Array:
    return theta + EPSILON / 2 * jax.grad(log_density)(theta, *batch)


@pytest.mark.parametrize("chains", [1, 3])
def test_a_trial_counts_the_points_of_minibatches(chains: int) -> None:
    made = Trial(EXACT.posterior, Budget(2 * chains, 2), chains, over_dispersed, counts=True)
    run(kernel(descent, batch_size=20), made)
    assert made.evaluated == made.epochs * N == 2 * chains * N


@pytest.mark.parametrize("chains", [1, 3])
def test_minibatches_are_those_of_the_clock(chains: int) -> None:
    made = problem(2, chains, draws=10, burn_in=0)
    draws = run(kernel(descent, batch_size=20), made)
    again, theta = problem(2, chains, draws=10, burn_in=0), None
    source = rng()
    theta = again.init(source)
    torch.randint(2**31 - 1, (1,), generator=source)  # the seed of the key
    for found, (batch, _) in zip(draws, again.steps(20, source), strict=True):
        theta = theta - EPSILON / 2 * again.gradient(theta, batch)
        torch.testing.assert_close(found, theta, rtol=1e-5, atol=1e-5)
    assert made.epochs == again.epochs == 2 * chains


def in_a_loop(count: int) -> Step:
    """Make a kernel with gradients that no count of the traced calls would find."""

    def step(log_density: LogDensity, key: Array, theta: Array, *batch: Array) -> Array:
        def one(_: Any, now: Array) -> Array:
            return now + 1e-5 * jax.grad(log_density)(now, *batch)

        return lax.fori_loop(0, count, one, theta)

    return step


def in_a_while(log_density: LogDensity, key: Array, theta: Array) -> Array:
    """Take a number of gradients that depends on the state: 2."""

    def one(carry: tuple[Array, Array]) -> tuple[Array, Array]:
        value, gradient = jax.value_and_grad(log_density)(carry[1])
        return carry[0] + 1 + 0 * value, carry[1] + 1e-5 * gradient

    return lax.while_loop(lambda carry: carry[0] < 2, one, (0 * theta[0], theta))[1]


def mapped(log_density: LogDensity, key: Array, theta: Array) -> Array:
    """Evaluate three proposals in a `vmap`, and a value that is computed with the gradient."""
    proposals = theta + 1e-3 * jax.random.normal(key, (3, len(theta)))
    return proposals[jnp.argmax(jax.vmap(log_density)(proposals))]


@pytest.mark.parametrize(
    ("step", "batch_size", "cost", "chains"),
    [
        (in_a_loop(5), None, 5, 1),
        (in_a_loop(5), 10, 5, 4),
        (in_a_while, None, 2, 1),
        (in_a_while, None, 2, 4),
        (mapped, None, 3, 1),
        (mapped, None, 3, 4),
    ],
)
def test_every_evaluation_is_counted_and_charged(
    step: Step, batch_size: int | None, cost: int, chains: int
) -> None:
    made, steps = problem(60, chains, draws=2), []

    def counted(log_density: LogDensity, key: Array, theta: Array, *batch: Array) -> Array:
        jax.debug.callback(lambda: steps.append(1))
        moved: Array = step(log_density, key, theta, *batch)
        return moved

    run(kernel(counted, batch_size=batch_size, gradients=cost), made)
    jax.effects_barrier()
    assert len(steps) == 60 * N / (batch_size or N) / cost
    assert made.epochs == 60 * chains


def test_a_step_that_may_not_fit_is_not_begun() -> None:
    made = problem(64, 2, draws=2)
    run(kernel(in_a_loop(5), gradients=5), made)
    assert made.epochs == 60 * 2
    with pytest.raises(ValueError, match=r"budget of at least one step, 20 epochs, got 18"):
        run(kernel(in_a_loop(10), gradients=10), problem(9, 2, draws=1))


def test_a_run_is_a_function_of_its_seed() -> None:
    first, other = (run(kernel(langevin), problem(6, 2, 3), seed) for seed in (0, 1))
    assert torch.equal(first, run(kernel(langevin), problem(6, 2, 3)))
    assert not torch.equal(first, other)
    assert not torch.equal(first[:, 0], first[:, 1])


def test_a_model_without_translation_has_minibatches_too() -> None:
    posterior = modules.posterior("residual", 8)
    made = Problem(posterior, Budget(3, 6, 0))

    def step(log_density: LogDensity, key: Array, theta: Array, batch: Array) -> Array:
        return theta + 0.01 * jax.grad(log_density)(theta, batch)

    draws = run(kernel(step, batch_size=4), made)
    again, source = Problem(posterior, Budget(3, 6, 0)), rng()
    theta = again.init(source)
    torch.randint(2**31 - 1, (1,), generator=source)
    for found, (batch, _) in zip(draws, again.steps(4, source), strict=True):
        theta = theta - 0.01 * again.gradient(theta, batch)
        torch.testing.assert_close(found, theta, rtol=1e-5, atol=1e-5)
    assert made.epochs == 3


def test_divergence_is_named() -> None:
    def explode(log_density: LogDensity, key: Array, theta: Array) -> Array:
        return theta + 1e30 * jax.grad(log_density)(theta)

    with pytest.raises(Diverged, match="θ is not finite after"):
        run(kernel(explode), problem(10, 2, draws=1))


blackjax = pytest.importorskip("blackjax")
ONES, LEAPFROG = jnp.ones(2), CURVATURE**-0.5
TOP = {
    "mala": lambda f: blackjax.mala(f, 5 * EPSILON),
    "hmc": lambda f: blackjax.hmc(f, 0.7 * LEAPFROG, ONES, 3),
    "nuts": lambda f: blackjax.nuts(f, LEAPFROG, ONES, max_num_doublings=3),
    "sgld": lambda f: blackjax.sgld(jax.grad(f)),
    "sghmc": lambda f: blackjax.sghmc(jax.grad(f), num_integration_steps=5, alpha=0.0),
    "csgld": lambda f: blackjax.csgld(f, jax.grad(f), zeta=0),
    "sgnht": lambda f: blackjax.sgnht(jax.grad(f), alpha=1 / LEAPFROG),
    "mclmc": lambda f: blackjax.mclmc(
        f, L=LEAPFROG, step_size=0.3 * LEAPFROG, inverse_mass_matrix=1.0
    ),
}


def of_blackjax(name: str, *numbers: float, with_key: bool = False, **options: Any) -> Sample:
    def init(log_density: LogDensity, key: Array, theta: Array) -> Any:
        return TOP[name](log_density).init(theta, *((key,) if with_key else ()))

    def step(log_density: LogDensity, key: Array, state: Any, *batch: Array) -> Any:
        return TOP[name](log_density).step(key, state, *batch, *numbers)

    return kernel(step, init, **options)


@pytest.mark.parametrize(
    ("name", "numbers", "options", "epochs", "bias"),
    [
        ("mala", (), {}, 100, 0.0),
        ("hmc", (), {"gradients": 3}, 100, 0.0),
        ("nuts", (), {"gradients": 7}, 100, 0.0),
        ("sgld", (EPSILON / 2,), {"batch_size": N}, 500, BIAS),
    ],
)
def test_kernels_of_blackjax_sample_the_posterior(
    name: str, numbers: tuple[float, ...], options: dict[str, Any], epochs: float, bias: float
) -> None:
    assert_exact(run(of_blackjax(name, *numbers, **options), problem(epochs)), bias)


@pytest.mark.parametrize(
    ("name", "numbers", "options", "cost"),
    [
        ("sghmc", (1e-3,), {"batch_size": 10, "gradients": 5}, 5),
        ("sgnht", (1e-3,), {"batch_size": 10, "with_key": True}, 1),
        ("csgld", (1e-3, 1e-3), {"batch_size": 10, "gradients": 2}, 2),
        ("mclmc", (), {"with_key": True, "gradients": 2}, 2),
    ],
)
def test_kernels_of_blackjax_run_and_are_charged(
    name: str, numbers: tuple[float, ...], options: dict[str, Any], cost: int
) -> None:
    made = problem(41, 1, draws=4)
    size = options.get("batch_size", N)
    assert run(of_blackjax(name, *numbers, **options), made).shape == (4, 1, 2)
    assert 41 - cost * size / N < made.epochs <= 41
    assert round((made.epochs - (name == "mclmc")) * N / size) % cost == 0
