"""HMC and NUTS within a budget: planning of warm-up and trajectories, and counting of gradients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import torch

from bdlbench.errors import Diverged
from bdlbench.hamiltonian.kernels import INT32, Kernel, State, Work, advance, start
from bdlbench.problem import Problem

CHUNKS = 100  # parts of the budget; after each, progress is reported and Ctrl-C handled
ADAPTATIONS = 20  # minimum for the step size, if warm-up has as many leapfrogs


class Plan(NamedTuple):
    """Division of the budget; all counts are gradients (leapfrogs) per chain.

    Args:
        warm_up: Before the first draw, including the gradient at the initial state.
        sampling: After warm-up.
        limits: Maximum leapfrogs per iteration, in warm-up and in sampling.
    """

    warm_up: int
    sampling: int
    limits: tuple[int, int]


def make_plan(problem: Problem, min_draws: int) -> Plan:
    """Plan at least `ADAPTATIONS` iterations of warm-up and `min_draws` of sampling.

    Raises:
        ValueError: The budget has less than two gradients per chain.
    """
    total = problem.remaining // (problem.n * problem.chains)
    warm_up = max(1, math.floor(problem.burn_in * total))
    sampling = total - warm_up
    if sampling < 1:
        raise ValueError(
            f"expected a budget of at least two epochs for each of {problem.chains} chains, got "
            f"{problem.remaining / problem.n:.3g} in total"
        )
    draws = min(min_draws, problem.draws)
    return Plan(warm_up, sampling, (max(1, warm_up // ADAPTATIONS), max(1, sampling // draws)))


def tree_depths(plan: Plan, deepest: int) -> tuple[int, int]:
    """Return the maximum tree depths, at most `deepest`, within the limits on leapfrogs."""
    first, second = (min(deepest, int(math.log2(limit + 1))) for limit in plan.limits)
    return first, second


def sample(
    kernel: Kernel, problem: Problem, rng: torch.Generator, plan: Plan
) -> Iterator[torch.Tensor]:
    """Adapt the step size, then yield the states of evenly spaced iterations.

    All chains share one step size: dual averaging (Hoffman & Gelman, 2014, equation 6) brings their
    mean acceptance probability to the target. The budget is charged with the leapfrogs that the
    kernel counts, and never exceeded: an iteration that might not fit is not started.

    Raises:
        Diverged: U is not finite.
    """
    runner = _Runner(kernel, problem, rng)
    limits = [2**depth - 1 for depth in kernel.tree_depths or ()] or plan.limits
    runner.advance(True, limits[0], INT32, (plan.warm_up - 1) * problem.chains)
    runner.state = end_warm_up(runner.state)
    iterations = leapfrogs = 0
    for draw in range(problem.draws):
        left = problem.remaining // problem.n
        cost = leapfrogs / iterations if iterations else limits[1] * problem.chains
        stride = max(1, int(left / cost / (problem.draws - draw)))
        done, spent = runner.advance(False, limits[1], stride, left)
        if not done:
            return
        iterations, leapfrogs = iterations + done, leapfrogs + spent
        yield runner.theta()


def end_warm_up(state: State) -> State:
    """Set the step size to its average, if it was adapted."""
    _, log_average, _, steps, _ = state.averaging
    # A JAX array: a Python number would trigger recompilation.
    return state._replace(step_size=jnp.exp(log_average)) if steps else state


class _Runner:
    """Calls the compiled program with the state of the chains, and charges the budget."""

    def __init__(self, kernel: Kernel, problem: Problem, rng: torch.Generator) -> None:
        self._kernel, self._problem, self._device = kernel, problem, rng.device
        self._potential = problem.to_jax()
        self._chunk = max(1, problem.remaining // problem.n // CHUNKS)
        theta = problem.init(rng).cpu().numpy()
        seed = torch.randint(INT32, (1,), generator=rng, device=rng.device).item()
        self.state = start(kernel, self._potential, theta, jax.random.key(int(seed)))
        self._account(problem.chains)

    def advance(self, adapt: bool, limit: int, iterations: int, leapfrogs: int) -> tuple[int, int]:
        """Run at most this many iterations and leapfrogs; return the numbers that were run."""
        done, spent = 0, 0
        while done < iterations:
            work = Work(adapt, limit, iterations - done, self._chunk, min(INT32, leapfrogs - spent))
            self.state, *counts = advance(self._kernel, self._potential, self.state, work)
            if not counts[0]:
                break
            done, spent = done + int(counts[0]), spent + int(counts[1])
            self._account(int(counts[1]))
        return done, spent

    def theta(self) -> torch.Tensor:
        """Return a copy of θ as a torch tensor, on the device of the problem."""
        return torch.from_numpy(np.array(self.state.theta)).to(self._device)

    def _account(self, gradients: int) -> None:
        self._problem.charge(gradients * self._problem.n)
        self._potential.check()
        if not np.isfinite(np.asarray(self.state.energy)).all():
            raise Diverged(f"U is not finite after {self._problem.epochs:.3g} epochs")
