"""Transforms of posteriors on an exactly known posterior."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from bdlbench import adapters
from bdlbench.checks.global_state import watched
from bdlbench.problem import Problem
from tests.adapters.known import BIAS, CURVATURE, EPSILON, N, Sample, assert_exact, problem, run

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of the library's, when it is imported
    posteriors = pytest.importorskip("posteriors")

MOMENTUM = EPSILON**0.5  # θ moves by ε per step of Langevin dynamics, by √ε of Hamiltonian
FRICTION = CURVATURE**0.5
# Semi-explicit Euler steps h of momentum and position: a bias of O(h·√curvature), at most.
EULER, STEP = 0.1, 0.1 / FRICTION


def transform(name: str, batch_size: int = N, scale: Any = "sum", **settings: Any) -> Sample:
    def sample(made: Problem, rng: torch.Generator) -> Iterator[Tensor]:
        build = getattr(posteriors.sgmcmc, name).build
        return adapters.posteriors(
            made,
            rng,
            lambda log_posterior, t: build(log_posterior, **{"temperature": t} | settings),
            batch_size,
            scale=scale,
        )

    return sample


@pytest.mark.parametrize(
    ("name", "settings", "bias"),
    [
        ("sgld", {"lr": EPSILON / 2}, BIAS),
        ("sghmc", {"lr": STEP, "alpha": FRICTION}, EULER),
        ("sgnht", {"lr": STEP, "alpha": FRICTION}, EULER),
        ("baoa", {"lr": MOMENTUM, "alpha": FRICTION}, 0.0),
    ],
)
def test_it_samples_the_posterior(name: str, settings: dict[str, Any], bias: float) -> None:
    with watched():
        draws = run(transform(name, **settings), problem(500))
    assert_exact(draws, bias)


def test_the_scale_of_the_mean_is_the_same_sampler() -> None:
    found = run(transform("sgld", 20, "mean", lr=N * EPSILON / 2), problem(5, 4))
    expected = run(transform("sgld", 20, lr=EPSILON / 2), problem(5, 4))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("chains", [1, 3])
def test_every_gradient_is_charged_once(chains: int) -> None:
    made = problem(6, chains, draws=3)
    calls = []

    def build(log_posterior: Any, temperature: float) -> Any:
        def twice(theta: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
            calls.append(theta.shape)
            log_posterior(theta, batch)
            value: tuple[Tensor, Tensor] = log_posterior(theta, batch)
            return value

        return posteriors.sgmcmc.sgld.build(twice, lr=1e-4)

    draws = run(lambda p, r: adapters.posteriors(p, r, build, 20), made)
    assert draws.shape == (3, chains, 2)
    # The first step is planned at half its cost.
    assert len(calls) == 15
    assert made.epochs == 6 * chains


def test_a_model_that_vmap_refuses_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    descent, made = transform("sgld", 20, lr=EPSILON / 2, temperature=0), problem(5, 4)
    together = run(descent, problem(5, 4))
    monkeypatch.setattr(made.posterior.network, "one_by_one", True)
    torch.testing.assert_close(run(descent, made), together)
    assert made.epochs == 20
