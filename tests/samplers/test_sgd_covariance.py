"""SGD with the inverse gradient covariance: its variance against theory."""

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
# The same posterior around 0: the start is near, so that Σ is soon that of the stationary state.
NEAR = replace(
    EXACT.posterior,
    y=EXACT.posterior.y - EXACT.mean[0].float() * EXACT.posterior.x[:, 0] - EXACT.mean[1].float(),
)
CURVATURE = np.linalg.inv(EXACT.covariance.numpy()).diagonal()
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


def gibbs(temperature: float, raised: float = 0.0) -> np.ndarray:
    """Solve S = (1 − ηa/Σ)²S + η²C/Σ² for η = 2T, C = FN/B and Σ = C + raised, one a parameter."""
    noise = fisher() * 100 / 10
    step = 2 * temperature / (noise + raised)
    return np.asarray(step * noise / (CURVATURE * (2 - step * CURVATURE)))


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_stationary_variance_is_that_of_a_gibbs_density(temperature: float) -> None:
    draws, expected = sample(160, temperature=temperature, damping=1e-6), gibbs(temperature)
    assert (np.abs(expected * CURVATURE / temperature - 1) < 0.2).all(), "T, nearly"
    # Σ is measured over 160 steps or more (11 %), and differs a little from place to place: 10 %.
    k = len(draws) * 0.7
    assert (np.abs(draws.var(0) / expected - 1) < 4 * (2 / k) ** 0.5 + 0.1).all()
    assert (np.abs(draws.mean(0) - MEAN.numpy()) < 4 * np.sqrt(expected / k)).all()


def test_damping_lowers_the_temperature_as_predicted_by_the_curvature() -> None:
    draws = sample(160, damping=3.0)
    # λ is the largest of a window's half minibatches: between that of all data and twice as much.
    low, high = gibbs(1.0, raised=6 * CURVATURE.max()), gibbs(1.0, raised=3 * CURVATURE.max())
    tolerance = 4 * (2 / (len(draws) * 0.5)) ** 0.5 + 0.1
    assert (draws.var(0) > low * (1 - tolerance)).all()
    assert (draws.var(0) < high * (1 + tolerance)).all()


def test_it_does_not_diverge_where_the_gradients_hardly_vary() -> None:
    # The data lie closer together than the likelihood says: Σ is next to 0, the curvature is not.
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
    assert not any(moved[:5])  # every draw but the last few is of the ten steps that measure
    assert moved[-1]


@pytest.mark.parametrize("wrong", [{"batch_size": 1}, {"temperature": 0.0}, {"damping": 0.0}])
def test_invalid_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(PluginError, match="expected"):
        registry.configure(registry.load("samplers", "sgd-covariance"), wrong)
