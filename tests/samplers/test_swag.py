"""SWAG: its Gaussian, recomputed from the iterates."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from bdlbench import registry
from bdlbench.posterior.exact import linear_regression
from bdlbench.problem import Budget, Problem

EXACT = linear_regression()
SETTINGS = {"batch_size": 10, "learning_rate": 0.1, "constant_rate": 0.05}


def draw(budget: Budget, chains: int = 1, **settings: float) -> Tensor:
    problem = Problem(EXACT.posterior, budget, chains=chains)
    plugin = registry.configure(registry.load("samplers", "swag"), {**SETTINGS, **settings})
    return torch.stack(list(plugin.sample(problem, torch.Generator().manual_seed(1)))).double()


def path(budget: Budget) -> np.ndarray:
    """Repeat the training naively; return the averaged iterates."""
    problem, rng = Problem(EXACT.posterior, budget), torch.Generator().manual_seed(1)
    theta, states = problem.init(rng), []
    for batch, keep in problem.steps(10, rng):
        if problem.progress < 0.5:
            rate = 0.05 + 0.05 * (1 + np.cos(2 * np.pi * problem.progress)) / 2
        else:
            rate = 0.05
        theta = theta - rate / problem.n * problem.gradient(theta, batch)
        if keep:
            states.append(theta[0].double().numpy())
    return np.array(states)


@pytest.mark.parametrize(("temperature", "rank"), [(1.0, 15), (4.0, 2)])
def test_draws_have_the_mean_and_covariance_of_the_paper(temperature: float, rank: int) -> None:
    budget = Budget(220, draws=1000)
    states, draws = path(budget), draw(budget, rank=rank, temperature=temperature)[:, 0].numpy()
    # Deviations of the last K from the running mean.
    means = np.cumsum(states, axis=0) / np.arange(1, len(states) + 1)[:, None]
    last = (states - means)[-rank:]
    expected = np.diag(states.var(0)) / 2 + last.T @ last / (2 * (rank - 1))
    expected *= temperature
    k, scale = len(draws), np.sqrt(np.diag(expected))
    assert np.abs((draws.mean(0) - states.mean(0)) / scale).max() < 4 / k**0.5
    measured = np.cov(draws, rowvar=False)
    assert np.abs((measured - expected) / np.outer(scale, scale)).max() < 4 * (2 / k) ** 0.5


def test_the_mean_is_closer_to_the_mode_than_the_iterates() -> None:
    budget = Budget(200, draws=500)
    scale = EXACT.covariance.diagonal().sqrt().numpy()
    errors = (path(budget) - EXACT.mean.numpy()) / scale
    mean = (draw(budget, temperature=0.0)[0, 0].numpy() - EXACT.mean.numpy()) / scale
    assert (np.abs(mean) < 0.5 * errors.std(0)).all()


@pytest.mark.parametrize(("chains", "draws", "burn_in"), [(1, 1, 0.5), (3, 4, 0.0), (2, 30, 0.9)])
def test_every_chain_has_its_own_draws_even_if_few(chains: int, draws: int, burn_in: float) -> None:
    found = draw(Budget(200 * chains, draws, burn_in), chains=chains)
    assert found.shape == (draws, chains, 2)
    assert found.isfinite().all()
    assert len(found.reshape(-1, 2).unique(dim=0)) == chains * draws


def test_the_learning_rate_is_constant_from_the_end_of_burn_in() -> None:
    # With η ≈ 0 after burn-in, the jitter of its last steps remains.
    settings = {"constant_rate": 1e-9, "temperature": 0.0}
    found = draw(Budget(100 * 50, draws=2), chains=50, **settings)[0]
    scale = EXACT.covariance.diagonal().sqrt()
    assert ((found - EXACT.mean).square().mean(0).sqrt() < 0.1 * scale).all()
