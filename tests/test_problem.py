"""The budget: its cost, its draws and its end."""

from __future__ import annotations

import math
from contextlib import nullcontext

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bdlbench.errors import BdlbenchError, Diverged
from bdlbench.posterior.exact import linear_regression
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem

POSTERIOR = linear_regression().posterior  # n = 100


def make(epochs: float, draws: int = 1, burn_in: float = 0.5, chains: int = 1) -> Problem:
    return Problem(POSTERIOR, Budget(epochs, draws, burn_in), chains)


def rng() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@settings(deadline=None, max_examples=60)
@given(
    epochs=st.floats(0.5, 20),
    draws=st.integers(1, 30),
    burn_in=st.floats(0, 0.95),
    chains=st.integers(1, 3),
    batch_size=st.integers(1, 100),
)
def test_the_number_of_draws_is_exact_and_the_budget_is_used(
    epochs: float, draws: int, burn_in: float, chains: int, batch_size: int
) -> None:
    problem = make(epochs, draws, burn_in, chains)
    steps = round(epochs * 100) // (batch_size * chains)
    if steps < draws:
        with pytest.raises(ValueError, match=f"budget of at least {draws} steps"):
            list(problem.steps(batch_size, rng()))
        return
    kept = [keep for _, keep in problem.steps(batch_size, rng())]
    assert sum(kept) == draws
    assert kept[-1], "the last draw is the last state"
    assert len(kept) == steps
    assert problem.epochs == pytest.approx(steps * batch_size * chains / 100)


def test_draws_are_evenly_spaced_after_burn_in() -> None:
    problem = make(epochs=10, draws=5, burn_in=0.5)
    kept = [step for step, (_, keep) in enumerate(problem.steps(10, rng()), 1) if keep]
    assert kept == [60, 70, 80, 90, 100]


def test_two_gradients_per_step_are_charged_twice() -> None:
    problem = make(epochs=4, draws=2)
    theta = problem.init(rng())
    kept = []
    for batch, keep in problem.steps(10, rng()):
        problem.gradient(theta, batch)
        problem.potential(theta, batch)
        kept.append(keep)
    # The first step was planned at half its cost.
    assert len(kept) == 20
    assert sum(kept) == 2
    assert problem.epochs == 4


def test_full_gradients_and_charges_count_all_points_of_all_chains() -> None:
    problem = make(epochs=10, chains=3)
    problem.gradient(problem.init(rng()))
    assert problem.epochs == 3
    problem.charge(150)
    assert problem.epochs == 4.5
    assert problem.progress == 0.45
    with pytest.raises(ValueError, match="expected evaluations >= 0, got -1"):
        problem.charge(-1)


def test_every_chain_sees_every_point_once_per_epoch_in_its_own_order() -> None:
    problem = make(epochs=4, chains=2)
    batches = [batch for batch, _ in problem.steps(30, rng())]
    stream = torch.cat([batch for batch in batches if batch is not None], dim=1)
    assert stream.shape == (2, 180)
    for chain in stream:
        assert sorted(chain[:100].tolist()) == list(range(100))
        assert chain[:100].tolist() != sorted(chain[:100].tolist())
    assert not torch.equal(stream[0], stream[1])


def test_without_a_batch_size_a_step_is_over_all_data() -> None:
    steps = list(make(epochs=3, draws=3, burn_in=0).steps(None, rng()))
    assert steps == [(None, True)] * 3


def test_phases_share_the_budget_and_the_draws() -> None:
    problem = make(epochs=10, draws=5, burn_in=0.5)
    assert problem.burn_in == 0.5
    first = [keep for _, keep in problem.steps(10, rng(), until=0.3)]
    assert (len(first), sum(first), problem.progress) == (30, 0, 0.3)
    second = [keep for _, keep in problem.steps(10, rng())]
    assert (len(second), sum(second), problem.progress) == (70, 5, 1)


def test_progress_rises_from_0_to_1_and_is_reported() -> None:
    reported: list[float] = []
    problem = Problem(POSTERIOR, Budget(2, 1), on_progress=reported.append)
    seen = [problem.progress for _ in problem.steps(50, rng())]
    assert seen == [0, 0.25, 0.5, 0.75]
    assert reported == [0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("batch_size", [0, 101])
def test_a_batch_size_out_of_range_is_refused(batch_size: int) -> None:
    with pytest.raises(ValueError, match=f"expected batch_size from 1 to 100, got {batch_size}"):
        list(make(epochs=2).steps(batch_size, rng()))


def test_a_theta_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected theta of shape \(1, 2\), got \(2,\)"):
        make(epochs=1).gradient(torch.zeros(2))


def test_a_gradient_that_is_not_finite_is_reported() -> None:
    with pytest.raises(Diverged, match="∇U is not finite"):
        make(epochs=1).gradient(torch.full((1, 2), float("inf")))


@pytest.mark.parametrize(
    ("gradient", "finite"),
    [
        ([1.0, 2.0], True),
        ([3e38, 3e38], True),  # though their sum is not
        ([1.0, math.nan], False),
        ([math.inf, 1.0], False),
        ([math.inf, -math.inf], False),
    ],
)
def test_only_a_gradient_that_is_not_finite_ends_a_run(
    monkeypatch: pytest.MonkeyPatch, gradient: list[float], finite: bool
) -> None:
    monkeypatch.setattr(Posterior, "gradient", lambda *arguments: torch.tensor([gradient]))
    with nullcontext() if finite else pytest.raises(Diverged):
        make(epochs=1).gradient(torch.zeros(1, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epochs": 0, "draws": 1}, "epochs > 0, got 0"),
        ({"epochs": float("nan"), "draws": 1}, "epochs > 0, got nan"),
        ({"epochs": 1, "draws": 0}, "draws > 0, got 0"),
        ({"epochs": 1, "draws": 1, "burn_in": 1}, r"burn_in in \[0, 1\), got 1"),
    ],
)
def test_an_invalid_budget_is_refused(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Budget(**arguments)  # type: ignore[arg-type]


def test_a_potential_under_autograd_is_refused() -> None:
    problem = make(epochs=9)
    theta = torch.zeros(1, 2, requires_grad=True)
    with pytest.raises(BdlbenchError, match=r"use problem\.gradient, problem\.hvp or adapters\."):
        problem.potential(theta)
    with pytest.raises(BdlbenchError, match="cannot be differentiated"):
        torch.func.grad(lambda t: problem.potential(t).sum())(theta.detach())
    assert problem.epochs == 0
    with torch.no_grad():
        assert problem.potential(theta).shape == (1,)
