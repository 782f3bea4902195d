"""NumPyro's HMC and NUTS kernels, compiled for multiple chains and any number of iterations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from numpyro import infer
from numpyro.infer.hmc_util import dual_averaging
from numpyro.infer.util import ParamInfo

from bdlbench.posterior.to_jax import JaxPotential

JITTER = 0.1  # of HMC's step size: trajectories of constant length may be full periods
INT32 = 2**31 - 1  # the largest count: JAX disables 64-bit integers by default
_start_averaging, _average = dual_averaging()


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["step_size", "target_accept_prob", "temperature", "trajectory_length"],
    meta_fields=["tree_depths"],
)
@dataclass(frozen=True)
class Kernel:
    """A sampler's hyperparameters; only another tree depth requires recompilation.

    Args:
        step_size: Initial step size.
        target_accept_prob: Acceptance probability that the step size is adapted to.
        temperature: T; the kernel samples with potential U/T.
        trajectory_length: Step size times number of leapfrogs, for HMC.
        tree_depths: Maximum tree depths of NUTS, in warm-up and in sampling; None for HMC.
    """

    step_size: float
    target_accept_prob: float
    temperature: float
    trajectory_length: float = math.inf
    tree_depths: tuple[int, int] | None = None

    def build(self, potential: JaxPotential, step_size: Array, leapfrogs: Array) -> Any:
        """Return NumPyro's kernel, with a unit mass matrix and without its own adaptation."""
        settings: dict[str, Any] = {
            "potential_fn": lambda theta: potential(theta) / self.temperature,
            "step_size": step_size,
            "adapt_step_size": False,
            "adapt_mass_matrix": False,
        }
        if self.tree_depths is not None:
            return infer.NUTS(max_tree_depth=self.tree_depths, **settings)
        # The default trajectory length would override the number of leapfrogs.
        return infer.HMC(num_steps=leapfrogs, trajectory_length=None, **settings)

    def leapfrogs(self, step_size: Array, limit: Array | int) -> Array:
        """Return the number of leapfrogs of an iteration (for NUTS the maximum), 1 to `limit`."""
        return jnp.clip(jnp.ceil(self.trajectory_length / step_size), 1, limit).astype(int)


class Move(NamedTuple):
    """Diagnostics of one iteration, each of shape (chains,)."""

    hamiltonian: Array  # U/T + kinetic energy, at the end
    accept_prob: Array
    diverging: Array


class State(NamedTuple):
    """θ (chains, dim), U/T (chains,), its gradient, and state shared by all chains."""

    theta: Array
    energy: Array
    gradient: Array
    key: Array
    step_size: Array
    averaging: Any  # dual averaging of the log step size, in warm-up
    last: Move


class Work(NamedTuple):
    """Limits of one call, all of them traced, so that the program is compiled once."""

    adapt: bool
    limit: int  # leapfrogs per iteration and chain
    iterations: int
    quota: int  # leapfrogs of all chains after which no iteration is started
    allowance: int  # leapfrogs of all chains, never exceeded


@jax.jit
def start(kernel: Kernel, potential: JaxPotential, theta: Array, key: Array) -> State:
    """Evaluate U/T and its gradient at the initial states θ (chains, dim)."""
    energy, gradient = jax.vmap(jax.value_and_grad(potential))(theta)
    step_size = jnp.asarray(kernel.step_size, jnp.float32)
    energy, gradient = energy / kernel.temperature, gradient / kernel.temperature
    averaging = _start_averaging(jnp.log(10 * step_size))
    last = Move(energy, jnp.ones_like(energy), jnp.zeros(len(theta), bool))
    return State(theta, energy, gradient, key, step_size, averaging, last)


@jax.jit
def advance(
    kernel: Kernel, potential: JaxPotential, state: State, work: Work
) -> tuple[State, Array, Array]:
    """Run iterations up to the limits of `work`.

    Returns:
        The state, the number of iterations, and the number of leapfrogs over all chains.
    """

    def affordable(carry: tuple[State, Array, Array]) -> Array:
        state, done, spent = carry
        most = kernel.leapfrogs(state.step_size, work.limit) * len(state.theta)
        open_ = (done < work.iterations) & (spent < work.quota)
        return open_ & (most <= work.allowance - spent)

    def iterate(carry: tuple[State, Array, Array]) -> tuple[State, Array, Array]:
        state, done, spent = carry
        state, leapfrogs = _iterate(kernel, potential, state, work)
        adapted = _adapt(kernel, state)
        state = jax.tree.map(partial(jnp.where, work.adapt), adapted, state)
        return state, done + 1, spent + leapfrogs

    return lax.while_loop(affordable, iterate, (state, jnp.asarray(0), jnp.asarray(0)))


def _iterate(
    kernel: Kernel, potential: JaxPotential, state: State, work: Work
) -> tuple[State, Array]:
    """Move every chain with NumPyro's kernel; also return the number of leapfrogs."""
    keys = jax.random.split(state.key, 2 + len(state.theta))
    leapfrogs = kernel.leapfrogs(state.step_size, work.limit)
    step_size = jnp.minimum(state.step_size, kernel.trajectory_length)
    if kernel.tree_depths is None:
        step_size *= jax.random.uniform(keys[1], minval=1 - JITTER, maxval=1 + JITTER)

    def move(key: Array, *start: Array) -> Any:
        inner = kernel.build(potential, step_size, leapfrogs)
        # Initialised from known values, which costs no gradient.
        fresh = inner.init(key, 1, ParamInfo(*start))
        fresh = fresh._replace(i=jnp.where(work.adapt, 0, 1))  # selects one of the tree depths
        return inner.sample(fresh, (), {})

    moved = jax.vmap(move)(keys[2:], state.theta, state.energy, state.gradient)
    state = state._replace(
        theta=moved.z,
        energy=moved.potential_energy,
        gradient=moved.z_grad,
        key=keys[0],
        last=Move(moved.energy, moved.accept_prob, moved.diverging),
    )
    return state, moved.num_steps.sum()


def _adapt(kernel: Kernel, state: State) -> State:
    error = kernel.target_accept_prob - state.last.accept_prob.mean()
    averaging = _average(error, state.averaging)
    return state._replace(step_size=jnp.exp(averaging[0]), averaging=averaging)
