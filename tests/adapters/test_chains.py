"""Samplers in torch that are written as an iterator over one chain."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from bdlbench.adapters import torch_chains
from bdlbench.adapters.chains import Potential
from bdlbench.checks.global_state import watched
from tests.adapters.known import CURVATURE, EPSILON, assert_exact, problem, rng, run

STEP = 1.2 * CURVATURE**-0.5  # of a random walk


def random_walk(potential: Potential, theta: Tensor) -> Iterator[Tensor]:
    """Metropolis et al. (1953), with torch's global generator."""
    value = potential(theta)
    while True:
        proposal = theta + STEP * torch.randn_like(theta)
        found = potential(proposal)
        if torch.rand(()).log() < value - found:
            theta, value = proposal, found
        yield theta


def test_a_random_walk_samples_the_posterior() -> None:
    made = problem(121, 40)
    with watched():
        draws = run(lambda p, r: torch_chains(p, r, random_walk), made)
    assert_exact(draws)
    assert made.epochs == 121 * 40


def descent(potential: Potential, theta: Tensor) -> Iterator[Tensor]:
    for _ in range(10):
        leaf = theta.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(potential(leaf), leaf)
        theta = leaf - EPSILON / 2 * gradient
        yield theta


def test_minibatches_are_those_of_the_clock() -> None:
    made, again, source = problem(2, 3, 10, 0), problem(2, 3, 10, 0), rng()
    draws = run(lambda p, r: torch_chains(p, r, descent, 20), made)
    torch.randint(2**62, (1,), generator=source)  # the seed of the private state
    theta = again.init(source)
    for found, (batch, _) in zip(draws, again.steps(20, source), strict=True):
        theta = theta - EPSILON / 2 * again.gradient(theta, batch)
        torch.testing.assert_close(found, theta, rtol=1e-5, atol=1e-4)
    assert made.epochs == 6


def test_sampling_ends_with_the_first_chain_that_ends() -> None:
    made = problem(40, 2, draws=4, burn_in=0)
    assert len(run(lambda p, r: torch_chains(p, r, descent), made)) == 1


def test_hmc_of_pyro_samples_the_posterior() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the library's, when it is imported
        hmc = pytest.importorskip("pyro.infer.mcmc").HMC

    def chain(potential: Potential, theta: Tensor) -> Iterator[Tensor]:
        def energy(state: dict[str, Tensor]) -> Tensor:
            return potential(state["theta"])

        kernel: Any = hmc(
            potential_fn=energy, step_size=0.6 * STEP, num_steps=3, adapt_step_size=False,
            adapt_mass_matrix=False,
        )  # fmt: skip
        state = kernel.initial_params = {"theta": theta}
        kernel.setup(0)
        while True:
            state = kernel.sample(state)
            yield state["theta"]

    made = problem(81, 40)
    with watched():
        draws = run(lambda p, r: torch_chains(p, r, chain, gradients=3), made)
    assert_exact(draws)
    assert 78 * 40 < made.epochs <= 81 * 40


def test_the_last_state_is_a_draw_whatever_a_step_costs() -> None:
    def chain(potential: Potential, theta: Tensor) -> Iterator[Tensor]:
        for step in range(100):
            for _ in range(1 + 7 * (step == 4)):
                potential(theta)
            theta = theta + 1
            yield theta

    made = problem(16, 1, draws=1, burn_in=0)
    (draw,) = run(lambda p, r: torch_chains(p, r, chain, gradients=8), made)
    torch.randint(2**62, (1,), generator=(source := rng()))  # the seed of the private state
    steps = draw - made.init(source)  # of cost 1, 1, 1, 1, 8: then 8 might be too many
    torch.testing.assert_close(steps, torch.full((1, 2), 5.0), rtol=0, atol=1e-5)
    assert made.epochs == 12
