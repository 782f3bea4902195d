"""HMC and NUTS: draws compared with exact posteriors, cost with counted evaluations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from jax import Array

from bdlbench import registry
from bdlbench.errors import Diverged, PluginError
from bdlbench.hamiltonian.budgeted import make_plan, tree_depths
from bdlbench.hamiltonian.kernels import Kernel
from bdlbench.posterior.exact import linear_regression
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem

EXACT = linear_regression(prior_std=1.0)  # n = 100; a full trajectory has about 20 leapfrogs
CHAINS = 100  # always, since another number requires recompilation
SAMPLERS: dict[str, dict[str, int]] = {"hmc": {}, "nuts": {"max_tree_depth": 4}}  # as above


def make(epochs: float, draws: int, burn_in: float = 0.5, chains: int = CHAINS) -> Problem:
    """Make a problem with this number of epochs per chain."""
    return Problem(EXACT.posterior, Budget(epochs * chains, draws, burn_in), chains=chains)


def sample(name: str, problem: Problem, seed: int = 0, **settings: float) -> np.ndarray:
    """Return draws of shape (draws, chains, dim)."""
    plugin = registry.configure(registry.load("samplers", name), {**SAMPLERS[name], **settings})
    drawn = plugin.sample(problem, torch.Generator().manual_seed(seed))
    return np.stack([theta.numpy() for theta in drawn])


@pytest.mark.parametrize("temperature", [1.0, 0.25])
@pytest.mark.parametrize("name", SAMPLERS)
def test_mean_and_covariance_are_exact(name: str, temperature: float) -> None:
    problem = make(epochs=6000, draws=40)
    draws = sample(name, problem, temperature=temperature)
    assert 0.98 * 6000 * CHAINS < problem.epochs <= 6000 * CHAINS
    assert draws.shape == (40, CHAINS, 2)
    flat = draws.reshape(-1, 2).astype(np.float64)
    # Some iterations lie between draws: as good as independent. A variance from k of them has a
    # relative standard deviation of √(2/k): 4 of these are 9 %.
    k = len(flat)
    expected = EXACT.covariance.numpy() * temperature
    scale = np.sqrt(np.diag(expected))
    assert np.abs((flat.mean(0) - EXACT.mean.numpy()) / scale).max() < 4 / k**0.5
    difference = (np.cov(flat, rowvar=False) - expected) / np.outer(scale, scale)
    assert np.abs(difference).max() < 4 * (2 / k) ** 0.5


@partial(jax.tree_util.register_dataclass, data_fields=["potential"], meta_fields=["tick"])
@dataclass(frozen=True)
class Counting:
    """Count the evaluations of a potential."""

    potential: Any
    tick: Any

    def __call__(self, theta: Array) -> Array:
        jax.debug.callback(self.tick, theta)  # with θ: called once per chain
        value: Array = self.potential(theta)
        return value

    def check(self) -> None:
        self.potential.check()


@pytest.mark.parametrize(("name", "chains"), [("hmc", 3), ("nuts", 1)])
def test_the_cost_is_the_number_of_evaluations(
    name: str, chains: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks: list[int] = []
    original = Problem.to_jax
    monkeypatch.setattr(
        Problem,
        "to_jax",
        lambda problem: Counting(original(problem), lambda theta: ticks.append(1)),
    )
    problem = make(epochs=60, draws=3, chains=chains)
    sample(name, problem)
    jax.effects_barrier()
    assert len(ticks) == problem.epochs
    assert 0.8 * 60 * chains <= problem.epochs <= 60 * chains


@pytest.mark.parametrize("epochs", [2, 3, 7, 40, 400])
@pytest.mark.parametrize(("burn_in", "draws"), [(0, 1), (0.5, 20), (0.9, 20)])
def test_hmc_yields_at_least_min_draws_within_its_budget(
    epochs: float, burn_in: float, draws: int
) -> None:
    problem = make(epochs, draws, burn_in)
    yielded = len(sample("hmc", problem))
    assert problem.epochs <= epochs * CHAINS
    after_burn_in = epochs - max(1, int(burn_in * epochs))
    assert min(draws, 10, after_burn_in) <= yielded <= draws


@pytest.mark.parametrize(("epochs", "depths"), [(2, (1, 1)), (400, (3, 4)), (10**6, (6, 6))])
def test_the_tree_depth_of_nuts_allows_adaptation_and_draws(
    epochs: int, depths: tuple[int, int]
) -> None:
    # Of 400 gradients, 200 // 20 = 10 ≥ 2³ − 1 in warm-up, 200 // 10 = 20 ≥ 2⁴ − 1 after it.
    assert tree_depths(make_plan(make(epochs, draws=20), min_draws=10), deepest=6) == depths


def test_a_large_budget_gives_full_trajectories_and_even_thinning() -> None:
    problem, spent = make(epochs=4000, draws=20), []
    plugin = registry.configure(registry.load("samplers", "hmc"), {})
    for _ in plugin.sample(problem, torch.Generator().manual_seed(0)):
        spent.append(problem.epochs / CHAINS)
    gaps = np.diff(spent)
    assert len(spent) == 20
    assert spent[-1] > 0.98 * 4000
    leapfrogs = np.gcd.reduce(np.rint(gaps).astype(int))
    # π/2 over a step below the stability limit, twice the smallest standard deviation.
    least = float(torch.linalg.eigvalsh(EXACT.covariance).min().sqrt())
    assert leapfrogs > np.pi / 2 / (2 * least)
    assert gaps[1:].max() - gaps[1:].min() <= leapfrogs


def test_trajectories_have_the_requested_length_up_to_the_limit_of_leapfrogs() -> None:
    kernel = Kernel(0.1, 0.85, 1.0, trajectory_length=1.0)
    cases = {(0.3, 10): 4, (0.5, 10): 2, (0.01, 10): 10, (5.0, 10): 1, (0.0, 7): 7}
    for (step_size, limit), leapfrogs in cases.items():
        assert int(kernel.leapfrogs(jnp.asarray(step_size), limit)) == leapfrogs


def test_a_rejected_proposal_repeats_the_state_and_is_a_draw() -> None:
    # More draws than iterations, so that none is thinned.
    problem = make(epochs=600, draws=300)
    draws = sample("hmc", problem, target_accept_prob=0.6)
    repeated = (draws[1:] == draws[:-1]).all(axis=2).mean()
    assert 0.05 < repeated < 0.5


@pytest.mark.parametrize("name", SAMPLERS)
def test_draws_depend_on_the_seed_and_not_on_global_random_state(name: str) -> None:
    before = global_state()
    first, again, other = (sample(name, make(600, 5), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).all()
    assert (first[:, 0] != first[:, 1]).all(), "chains differ, too"
    np.testing.assert_equal(global_state(), before)


def global_state() -> tuple[Any, Any]:
    return torch.get_rng_state().numpy(), np.random.get_state(legacy=False)  # noqa: NPY002


def test_progress_is_reported_while_it_runs() -> None:
    reported: list[float] = []
    budget = Budget(200 * CHAINS, 1)
    problem = Problem(EXACT.posterior, budget, CHAINS, on_progress=reported.append)
    sample("hmc", problem)
    assert len(reported) > 20
    assert reported == sorted(reported)


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_potential_that_is_not_finite_is_reported(name: str) -> None:
    broken = Posterior(
        EXACT.posterior.network,
        EXACT.posterior.likelihood,
        torch.full((5, 2), torch.inf),
        torch.zeros(5),
        prior_std=1.0,
    )
    with pytest.raises(Diverged, match="U is not finite after 1 epochs"):
        sample(name, Problem(broken, Budget(10, 1)))


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_budget_of_one_gradient_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="two epochs for each of 3 chains, got 3 in total"):
        sample(name, make(epochs=1, draws=1, chains=3))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("hmc", {"temperature": 0.0}),
        ("hmc", {"trajectory_length": -1.0}),
        ("hmc", {"min_draws": 0}),
        ("nuts", {"target_accept_prob": 1.0}),
        ("nuts", {"max_tree_depth": 0}),
    ],
)
def test_settings_out_of_range_are_refused(name: str, settings: dict[str, float]) -> None:
    with pytest.raises(PluginError, match=f"{name}: expected {next(iter(settings))}"):
        registry.configure(registry.load("samplers", name), settings)
