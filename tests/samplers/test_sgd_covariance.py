"""SGD with the inverse gradient covariance: its variance against theory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bdlbench import registry
from bdlbench.errors import PluginError
from bdlbench.exact import linear_regression
from bdlbench.problem import Budget, Problem

CHAINS = 400
EXACT = linear_regression()
# The same posterior around 0: the start is near, so that Σ is soon that of the stationary state.
NEAR = replace(
    EXACT.posterior,
    y=EXACT.posterior.y - EXACT.mean[0].float() * EXACT.posterior.x[:, 0] - EXACT.mean[1].float(),
)
MEAN = EXACT.covariance @ EXACT.mean / NEAR.prior_std**2  # the prior's pull, next to nothing


def sample(epochs: float, **settings: float) -> np.ndarray:
    problem = Problem(NEAR, Budget(epochs * CHAINS, 8, burn_in=0.8), chains=CHAINS)
    plugin = registry.configure(
        registry.load("samplers", "sgd-covariance"), {"batch_size": 10, **settings}
    )
    sampled = plugin.sample(problem, torch.Generator().manual_seed(3))
    return np.concatenate([theta.double().numpy().copy() for theta in sampled])


def fisher() -> np.ndarray:
    """Return Σᵢ(gᵢ − ḡ)² at the posterior mean, shape (2,)."""
    points = [torch.tensor([[i]]) for i in range(NEAR.n)]
    single = torch.cat([NEAR.gradient(MEAN.float()[None], point) for point in points])
    return np.asarray(single.double().numpy().var(0)) / NEAR.n


@pytest.mark.parametrize(("temperature", "damping"), [(1.0, 1e-6), (0.5, 1e-6), (1.0, 5.0)])
def test_the_stationary_variance_is_that_of_a_gibbs_density(
    temperature: float, damping: float
) -> None:
    draws = sample(160, temperature=temperature, damping=damping)
    # In one dimension: S = (1 − ηa/Σ)²S + η²C/Σ² with η = 2T, C = FN/B, a the curvature.
    curvature = np.linalg.inv(EXACT.covariance.numpy()).diagonal()
    noise = fisher() * 100 / 10
    bound = fisher().sum() + 1 / 10**2
    step = 2 * temperature / (noise + damping * temperature * bound)
    expected = step * noise / (curvature * (2 - step * curvature))
    if damping < 1:
        assert (np.abs(expected * curvature / temperature - 1) < 0.2).all(), "T, nearly"
    # Σ is measured over 320 steps (8 %), and differs a little from place to place: 10 %.
    k = len(draws) * 0.7
    assert (np.abs(draws.var(0) / expected - 1) < 4 * (2 / k) ** 0.5 + 0.1).all()
    assert (np.abs(draws.mean(0) - MEAN.numpy()) < 4 * np.sqrt(expected / k)).all()


def test_it_does_not_move_before_the_covariance_is_known() -> None:
    problem = Problem(EXACT.posterior, Budget(1, 10, burn_in=0.0), chains=1)
    plugin = registry.configure(registry.load("samplers", "sgd-covariance"), {"batch_size": 10})
    states = [s.clone() for s in plugin.sample(problem, torch.Generator().manual_seed(3))]
    assert len(states) == 10
    assert all(torch.equal(state, states[0]) for state in states[:9])
    assert not torch.equal(states[9], states[0])


@pytest.mark.parametrize("wrong", [{"batch_size": 1}, {"temperature": 0.0}, {"damping": 0.0}])
def test_it_refuses_what_makes_no_sense(wrong: dict[str, float]) -> None:
    with pytest.raises(PluginError, match="expected"):
        registry.configure(registry.load("samplers", "sgd-covariance"), wrong)
