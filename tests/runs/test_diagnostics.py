"""Temperatures and drift of draws from a prior, which is the posterior if the data say nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from bdlbench import registry
from bdlbench.comparison import run_state
from bdlbench.likelihoods import Gaussian
from bdlbench.noise import generator
from bdlbench.posterior import models
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem
from bdlbench.records.record import Record
from bdlbench.runs import diagnostics
from bdlbench.runs.diagnostics import DRIFT, POINTS, POTENTIAL, TEMPERATURE
from bdlbench.runs.draws import Draws
from bdlbench.settings import parse
from tests import synthetic

STD = 0.5
NETWORK = models.network("mlp-40-30", (20,), 1)
CPU = torch.device("cpu")
OUTPUT = slice(-31, None)  # of θ: the weights and the bias of the last layer


def flat(points: int = 4) -> Posterior:
    """Return a posterior with so much noise that it is its prior, N(0, STD²)."""
    x = torch.randn(points, 20, generator=torch.Generator().manual_seed(0))
    return Posterior(NETWORK, Gaussian(1e6), x, torch.zeros(points), STD)


def diagnose(draws: list[Tensor], posterior: Posterior | None = None) -> dict[str, float]:
    with Draws(1, NETWORK.dim) as stored:
        for theta in draws:
            stored.add(theta)
        return diagnostics.diagnose(posterior or flat(), stored, seed=0)


def exact(draws: int, seed: int, scale: Tensor | float = 1.0) -> list[Tensor]:
    rng = generator(seed, CPU)
    return [scale * STD * torch.randn(1, NETWORK.dim, generator=rng) for _ in range(draws)]


def records(found: list[dict[str, float]], **settings: float) -> list[Record]:
    made = synthetic.record("sgld", dict(settings))
    return [replace(made, seed=seed, diagnostics=one) for seed, one in enumerate(found)]


def test_exact_draws_are_at_temperature_one() -> None:
    """The standard error of E[θ·∇U]/d over n independent Gaussian draws is √(2/(n·d))."""
    found = diagnose(exact(100, 0))
    lowest = float(flat().potential(torch.zeros(1, NETWORK.dim)))
    assert found[POTENTIAL] - lowest == pytest.approx(NETWORK.dim / 2, rel=0.02)
    sizes = {name: tensor[0].numel() for name, tensor in NETWORK.unflatten(exact(1, 0)[0]).items()}
    for name, size in sizes.items():
        error = np.sqrt(2 / (diagnostics.EXAMINED * size))
        assert abs(found[TEMPERATURE + name] - 1) < 4 * error
        # The effective sample size of 50 independent draws is estimated as 12 to 50.
        assert size < 30 or 0.7 < found[f"{TEMPERATURE}{name}.error"] / error < 2.2
    assert run_state.describe(records([diagnose(exact(100, s)) for s in range(5)])).startswith(
        "at rest, T = "
    )


def test_a_warm_layer_is_named() -> None:
    scale = torch.ones(NETWORK.dim)
    scale[OUTPUT] = np.sqrt(1.5)
    found = [diagnose(exact(60, seed, scale)) for seed in range(5)]
    assert [one[f"{TEMPERATURE}1"] for one in found] == pytest.approx([1.0] * 5, abs=0.1)
    assert run_state.describe(records(found)).startswith("warm: output layer T = 1.")
    lines = run_state.lines(run_state.measured(records(found)), [1000.0, 30.0])
    assert [line.partition(" = ")[0] for line in lines] == [
        *("U", "drift of U", "first layer T", "layer 2 T", "output layer T"),
    ]
    assert lines[0].endswith("; under the reference 1,000, sd 30")
    cold = [diagnose(exact(60, seed, 1 / scale)) for seed in range(5)]
    assert run_state.describe(records(cold)).startswith("cold: output layer T = 0.")


def test_the_temperature_that_was_set_is_the_one_aimed_at() -> None:
    found = [diagnose(exact(60, seed, 0.5)) for seed in range(5)]
    assert run_state.describe(records(found, temperature=0.25)).startswith("at rest, T = 0.2")
    assert run_state.describe(records(found)).startswith("cold: ")


def test_a_chain_that_has_not_arrived_is_still_moving() -> None:
    far = [(1 + 3 * 0.97**k) * theta for k, theta in enumerate(exact(60, 0))]
    found = diagnose(far)
    assert found[DRIFT] < -1
    assert run_state.describe(records([found] * 3)) == "still moving"
    still = records([{**found, DRIFT: sign * 0.1} for sign in (-1, 1, 1)])
    assert run_state.describe(still) != "still moving"


def test_few_draws_tell_nothing() -> None:
    assert diagnose(exact(19, 0)) == {}
    assert run_state.describe(records([{}, {}])) == "–"
    assert run_state.describe([]) == "–"
    spread = [diagnose(exact(20, 0, scale)) for scale in (0.8, 1.0, 1.2)]
    assert run_state.describe(records(spread)).startswith("unclear: ")


def test_random_points_leave_the_temperature_unbiased(monkeypatch: pytest.MonkeyPatch) -> None:
    """With weights of which the data say something, exact by another way: all points."""
    points = POINTS + 1000
    x = torch.randn(points, 20, generator=torch.Generator().manual_seed(0))
    posterior = Posterior(NETWORK, Gaussian(30.0), x, x[:, 0].clone(), STD)
    draws = exact(40, 3)
    whole = diagnose(draws, posterior)
    monkeypatch.setattr(diagnostics, "PRODUCTS", 0)
    parts = diagnose(draws, posterior)
    names = [name for name in whole if not name.endswith((DRIFT, ".error"))]
    assert any(parts[name] != whole[name] for name in names)
    for name in names:  # the data are a tenth of U, and the points of a draw most of them
        assert parts[name] == pytest.approx(whole[name], rel=0.05, abs=0.05)


def test_sgld_is_warm_at_a_large_step_and_at_rest_at_a_tenth() -> None:
    """T = 1/(1 − κ/4), κ = ε/STD²: 1.25 and 1.02, with as many autocorrelation times each."""
    problem_of = {0.8: (120, 12), 0.08: (1200, 5)}
    found = {}
    for kappa, (epochs, seeds) in problem_of.items():
        sampler = registry.create(
            "samplers", parse(f"sgld:step_size={kappa * STD**2},batch_size=4")
        )
        runs = []
        for seed in range(seeds):
            problem = Problem(flat(), Budget(epochs, 60, 0.25))
            draws = [theta.clone() for theta in sampler.sample(problem, generator(seed, CPU))]
            runs.append(diagnose(draws))
        found[kappa] = run_state.describe(records(runs, temperature=1.0))
    assert found[0.8].startswith("warm: ")
    assert 1.2 < float(found[0.8][-4:]) < 1.32
    assert found[0.08].startswith("at rest, T = ")
