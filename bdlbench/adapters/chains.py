"""Samplers in torch that make steps of their own: of Pyro, hamiltorch, or any loop."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from bdlbench.adapters.clock import CHECK_EVERY, Clock, check_finite
from bdlbench.adapters.differentiable import torch_potential
from bdlbench.adapters.random_state import RandomState
from bdlbench.problem import Problem

Potential = Callable[[Tensor], Tensor]


def torch_chains(
    problem: Problem,
    rng: torch.Generator,
    chain: Callable[[Potential, Tensor], Iterator[Tensor]],
    batch_size: int | None = None,
    *,
    gradients: int = 1,
) -> Iterator[Tensor]:
    """Yield the draws of a sampler that is written as an iterator over the states of one chain.

    Args:
        problem: The problem.
        rng: Source of all random numbers; those of the chains are drawn in a state of their own.
        chain: Given U(θ), differentiable and charged, and an initial θ of shape (dim,), yields the
            state of the chain after each step, shape (dim,). Sampling ends with its first end.
        batch_size: Training points on which U is estimated in each step, None for all.
        gradients: Largest number of evaluations of U in a step: none is begun that might exceed
            the budget.

    Yields:
        θ of shape (chains, dim).
    """
    state, potential = RandomState(rng), torch_potential(problem)
    now: list[Tensor | None] = [None] * problem.chains

    def estimate(index: int) -> Potential:
        return lambda theta: potential(theta, now[index])

    with state:
        chains = [chain(estimate(i), theta) for i, theta in enumerate(problem.init(rng))]
    clock = Clock(problem, batch_size, gradients)
    for step, (batch, planned) in enumerate(clock.steps(rng), 1):
        now[:] = [None] * problem.chains if batch is None else batch
        try:
            with state:
                states = [next(own).detach() for own in chains]
        except StopIteration:
            return
        keep = clock.is_due(planned)
        if keep or step % CHECK_EVERY == 0:
            theta = torch.stack(states).float()
            check_finite(problem, theta)
        if keep:
            yield theta
