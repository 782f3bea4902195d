"""SGD with the inverse gradient covariance: its variance compared with theory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from bdlbench import registry
from bdlbench.errors import PluginError
from bdlbench.posterior.exact import gaussian_mean, linear_regression
from bdlbench.problem import Budget, Problem

CHAINS = 400
EXACT = linear_regression()
# The same posterior, shifted to 0, close to the initial state: Σ is soon stationary.
NEAR = replace(
    EXACT.posterior,
    y=EXACT.posterior.y - EXACT.mean[0].float() * EXACT.posterior.x[:, 0] - EXACT.mean[1].float(),
)
CURVATURE = np.linalg.inv(EXACT.covariance.numpy()).diagonal()
MEAN = EXACT.covariance @ EXACT.mean / NEAR.prior_std**2  # shrinkage by the prior, nearly 0


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


def gibbs(temperature: float, raised: float = 0.0) -> np.ndarray:
    """Solve S = (1 − ηa/Σ)²S + η²C/Σ² for η = 2T, C = FN/B and Σ = C + raised, per parameter."""
    noise = fisher() * 100 / 10
    step = 2 * temperature / (noise + raised)
    return np.asarray(step * noise / (CURVATURE * (2 - step * CURVATURE)))


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_stationary_variance_is_that_of_a_gibbs_density(temperature: float) -> None:
    draws, expected = sample(160, temperature=temperature, damping=1e-6), gibbs(temperature)
    assert (np.abs(expected * CURVATURE / temperature - 1) < 0.2).all(), "close to T"
    # Σ is estimated from 160 steps or more (11 %), and varies slightly with θ (10 %).
    k = len(draws) * 0.7
    assert (np.abs(draws.var(0) / expected - 1) < 4 * (2 / k) ** 0.5 + 0.1).all()
    assert (np.abs(draws.mean(0) - MEAN.numpy()) < 4 * np.sqrt(expected / k)).all()


def test_damping_lowers_the_temperature_as_predicted_by_the_curvature() -> None:
    draws = sample(160, damping=3.0)
    # λ, the maximum over half minibatches, is between 1 and 2 times that of all data.
    low, high = gibbs(1.0, raised=6 * CURVATURE.max()), gibbs(1.0, raised=3 * CURVATURE.max())
    tolerance = 4 * (2 / (len(draws) * 0.5)) ** 0.5 + 0.1
    assert (draws.var(0) > low * (1 - tolerance)).all()
    assert (draws.var(0) < high * (1 + tolerance)).all()


def test_it_does_not_diverge_where_the_gradients_hardly_vary() -> None:
    # The data are spread less than the likelihood's noise: Σ is nearly 0, the curvature is not.
    exact = gaussian_mean(1000)
    problem = Problem(exact.posterior, Budget(20 * 10, 10), chains=10)
    plugin = registry.configure(registry.load("samplers", "sgd-covariance"), {"batch_size": 10})
    *_, last = plugin.sample(problem, torch.Generator().manual_seed(3))
    assert ((last - exact.mean).abs() < exact.covariance.sqrt()).all()


def test_it_does_not_move_before_the_covariance_is_known() -> None:
    problem = Problem(EXACT.posterior, Budget(2, 10, burn_in=0.0), chains=1)
    plugin = registry.configure(registry.load("samplers", "sgd-covariance"), {"batch_size": 10})
    states = [s.clone() for s in plugin.sample(problem, torch.Generator().manual_seed(3))]
    moved = [not torch.equal(state, states[0]) for state in states]
    assert len(states) == 10
    assert not any(moved[:5])  # all but the last draws are from the ten steps that only estimate Σ
    assert moved[-1]


@pytest.mark.parametrize("wrong", [{"batch_size": 1}, {"temperature": 0.0}, {"damping": 0.0}])
def test_invalid_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(PluginError, match="expected"):
        registry.configure(registry.load("samplers", "sgd-covariance"), wrong)
