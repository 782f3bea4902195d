"""Cyclical SGLD: origin and distribution of its draws."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from bdlbench import registry
from bdlbench.posterior.exact import linear_regression
from bdlbench.problem import Budget, Problem

EXACT = linear_regression()


def sample(budget: Budget, chains: int = 1, **settings: float) -> tuple[list[float], list[Tensor]]:
    """Return the progress at which each draw was yielded, and the draws."""
    problem = Problem(EXACT.posterior, budget, chains=chains)
    plugin = registry.configure(
        registry.load("samplers", "csgld"), {"batch_size": 10, "step_size": 3e-3, **settings}
    )
    progress, draws = [], []
    for theta in plugin.sample(problem, torch.Generator().manual_seed(1)):
        progress.append(problem.progress)
        draws.append(theta.double().clone())
    return progress, draws


@pytest.mark.parametrize(("cycles", "draws"), [(4, 20), (3, 20), (1, 7), (5, 3)])
@pytest.mark.parametrize("burn_in", [0.0, 0.9])
def test_draws_are_divided_equally_between_the_sampling_stages(
    cycles: int, draws: int, burn_in: float
) -> None:
    progress, states = sample(Budget(40, draws, burn_in), cycles=cycles, exploration=0.75)
    assert len(states) == draws
    assert len({tuple(state.flatten().tolist()) for state in states}) == draws
    step = 10 / (40 * 100)  # progress per step
    phases = [math.modf((at - step) * cycles + 1e-9) for at in progress]  # before the step
    assert all(phase >= 0.75 for phase, _ in phases)
    counts = [sum(cycle == c for _, cycle in phases) for c in range(cycles)]
    assert max(counts) - min(counts) <= 1


def test_all_draws_are_yielded_even_with_fewer_sampling_steps() -> None:
    progress, states = sample(Budget(6, 20), cycles=4, exploration=0.75)
    assert len(states) == 20
    assert all(math.modf((at - 1 / 60) * 4 + 1e-9)[0] >= 0.75 for at in progress)


def test_there_is_no_noise_while_exploring_and_the_cycle_ends_near_the_mode() -> None:
    # With a sampling stage of 1 % at the end of the only cycle, where ε is next to 0, the draw is
    # that of gradient descent; with no exploration it is SGLD's, of the posterior's width.
    scale = EXACT.covariance.diagonal().sqrt()
    _, (still,) = sample(Budget(60 * 300, 1), chains=300, cycles=1, exploration=0.99)
    # 100 steps until the draw: (1 − ελ/2) of each leaves less than 1 % of the start.
    _, (moving,) = sample(
        Budget(200 * 300, 1),
        chains=300,
        cycles=1,
        exploration=0.0,
        batch_size=100,
        step_size=1.5e-3,
    )
    assert ((still - EXACT.mean).std(0) < 0.1 * scale).all()
    # The one draw is due half-way, where ε is half as large as SGLD's bias of 11 % belongs to.
    assert ((moving.std(0) / scale - 1).abs() < 4 / 600**0.5 + 0.05).all()


def test_the_temperature_scales_the_variance_of_the_draws() -> None:
    settings = {"cycles": 1, "exploration": 0.0, "batch_size": 100, "step_size": 1.5e-3}
    (one,), (quarter,) = (
        sample(Budget(100 * 300, 1), chains=300, temperature=t, **settings)[1] for t in (1, 0.25)
    )
    ratio = quarter.var(0) / one.var(0)
    torch.testing.assert_close(ratio, torch.full_like(ratio, 0.25), atol=0.09, rtol=0)
