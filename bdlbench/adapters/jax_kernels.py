"""Samplers in JAX that move one chain by one step: of blackjax, NumPyro, or one's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax import Array
from torch import Tensor

from bdlbench.adapters.clock import CHECK_EVERY, Clock, check_finite
from bdlbench.adapters.jax_count import counted
from bdlbench.posterior.jax_minibatches import on_minibatch
from bdlbench.posterior.to_jax import JaxPotential
from bdlbench.problem import Problem

INT32 = 2**31 - 1  # the largest seed


class LogDensity(Protocol):
    """−U(θ), whose evaluations are counted."""

    def __call__(self, theta: Array, batch: Array | None = None) -> Array:
        """Return −U(θ) for θ of shape (dim,), or its estimate from a minibatch of `step`."""


def jax_kernel(
    problem: Problem,
    rng: torch.Generator,
    init: Callable[[LogDensity, Array, Array], Any] | None,
    step: Callable[..., Any],
    batch_size: int | None = None,
    *,
    gradients: int = 1,
    position: Callable[[Any], Array] | None = None,
) -> Iterator[Tensor]:
    """Yield the draws of a kernel, compiled and mapped over the chains.

    Every evaluation of the log density or its gradient is counted while the program runs, and
    charged; value and gradient together are one. In a `vmap` over several chains all are charged
    when one is evaluated, as they are computed.

    Args:
        problem: The problem.
        rng: Source of the keys, the initial states and the minibatches.
        init: ``init(log_density, key, theta)`` returns the initial state for θ of shape (dim,);
            None: it is θ.
        step: ``step(log_density, key, state)`` returns the next state, alone or with diagnostics
            (state, info), which are ignored. With `batch_size` it is called with a fourth argument,
            indices of training points: pass them to ``log_density(theta, batch)``.
        batch_size: Training points per step, None for all.
        gradients: Largest number of evaluations in a step: none is begun that might exceed the
            budget.
        position: Returns θ of a state; by default ``state.position``, or a state that is an array.

    Yields:
        θ of shape (chains, dim).
    """
    kernel = _Kernel(problem, init, step)
    theta = jnp.asarray(problem.init(rng).cpu().numpy())
    seed = int(torch.randint(INT32, (1,), generator=rng, device=rng.device))
    state = kernel.start(key := jax.random.key(seed), theta)
    clock = Clock(problem, batch_size, gradients)
    for number, (batch, planned) in enumerate(clock.steps(rng), 1):
        rows = None
        if batch_size is not None and batch is not None:
            rows = batch.cpu().numpy().astype(np.int32)
        state = kernel.advance(key, number, state, rows)
        keep = clock.is_due(planned)
        if keep or number % CHECK_EVERY == 0:
            # A copy: torch would write to the buffer of JAX.
            drawn = torch.from_numpy(np.array((position or _position)(state), np.float32))
            check_finite(problem, drawn)
            if keep:
                yield drawn.to(rng.device)


class _Kernel:
    """Compiled functions of one sampler on one problem, and the count of evaluations."""

    def __init__(self, problem: Problem, init: Any, step: Callable[..., Any]) -> None:
        self._problem, self._potential = problem, problem.to_jax()
        self._evaluations = 0  # on single training points
        self._init, self._step = init, step
        self._start_all, self._advance_all = jax.jit(self._start), jax.jit(self._advance)

    def start(self, key: Array, theta: Array) -> Any:
        """Return the initial states of all chains."""
        return self._charged(self._start_all(self._potential, key, theta))

    def advance(self, key: Array, number: int, state: Any, batch: Any) -> Any:
        """Return the next states of all chains, after step `number`."""
        return self._charged(self._advance_all(self._potential, key, number, state, batch))

    def _charged(self, state: Any) -> Any:
        jax.block_until_ready(state)  # all evaluations have been counted
        evaluations, self._evaluations = self._evaluations, 0
        self._problem.charge(evaluations)
        self._potential.check()
        return state

    def _start(self, potential: JaxPotential, key: Array, theta: Array) -> Any:
        if self._init is None:
            return theta
        return self._over_chains(partial(self._init, self._density(potential)), key, theta)

    def _advance(
        self, potential: JaxPotential, key: Array, number: Array, state: Any, batch: Any
    ) -> Any:
        def move(key: Array, state: Any, *batch: Array) -> Any:
            moved = self._step(self._density(potential), key, state, *batch)
            with_info = type(moved) is tuple and len(moved) == 2  # a state is a NamedTuple
            return moved[0] if with_info else moved

        rows = () if batch is None else (batch,)
        return self._over_chains(move, jax.random.fold_in(key, number), state, *rows)

    def _over_chains(self, function: Callable[..., Any], key: Array, *arguments: Any) -> Any:
        if self._problem.chains > 1:
            return jax.vmap(function)(jax.random.split(key, self._problem.chains), *arguments)
        # Not `vmap`, in which both branches of every condition are computed.
        single = jax.tree.map(lambda part: part[0], arguments)
        return jax.tree.map(lambda part: jnp.asarray(part)[None], function(key, *single))

    def _density(self, potential: JaxPotential) -> LogDensity:
        n = self._problem.n

        def log_density(theta: Array, batch: Array | None = None) -> Array:
            points = n if batch is None else batch.shape[-1]
            part = potential if batch is None else on_minibatch(potential, batch, n)
            return -part(counted(theta, partial(self._count, points), batch))

        return log_density

    def _count(self, points: int, evaluations: int) -> None:
        self._evaluations += points * evaluations


def _position(state: Any) -> Array:
    return state if isinstance(state, Array) else state.position
