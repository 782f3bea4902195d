"""The Laplace approximation of linear regression, where mode, Fisher and Hessian are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bdlbench import registry
from bdlbench.posterior.exact import ExactPosterior, linear_regression
from bdlbench.problem import Budget, Problem


def draw(exact: ExactPosterior, budget: Budget, chains: int = 1, **settings: float) -> Tensor:
    problem = Problem(exact.posterior, budget, chains=chains)
    plugin = registry.configure(
        registry.load("samplers", "laplace"), {"batch_size": 10, **settings}
    )
    return torch.stack(list(plugin.sample(problem, torch.Generator().manual_seed(1)))).double()


def fisher(exact: ExactPosterior) -> Tensor:
    """Return Σᵢ(gᵢ − ḡ)² at the mode, gᵢ = ∂/∂θ of (yᵢ − θ₁xᵢ − θ₂)²/2σ², by hand."""
    posterior, mean = exact.posterior, exact.mean
    x, y = posterior.x[:, 0].double(), posterior.y.double()
    residual = y - mean[0] * x - mean[1]
    gradients = -residual[:, None] * torch.stack([x, torch.ones_like(x)], 1) / 0.6**2
    return gradients.var(0, unbiased=False) * len(y)


@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_the_variance_is_that_of_the_empirical_fisher_information(temperature: float) -> None:
    # With n = 100 the batches are single points: an epoch of them gives F without error.
    exact, chains, draws = linear_regression(prior_std=0.1), 50, 40
    found = draw(exact, Budget(50 * chains, draws), chains, temperature=temperature, curvature=0.1)
    expected, k = temperature / (fisher(exact) + 1 / 0.1**2), chains * draws
    flat = found.flatten(0, 1)  # 1 % and 5 % more, since modes are not exact
    torch.testing.assert_close(flat.var(0), expected, rtol=4 * (2 / k) ** 0.5 + 0.01, atol=0)
    assert ((flat.mean(0) - exact.mean).abs() / expected.sqrt() < 0.05 + 4 / k**0.5).all()


def test_minibatches_give_the_same_information_as_single_points() -> None:
    # 1,000 points: batches of 10, whose variance is converted. k batches leave √(2/k) of error.
    exact, k = linear_regression(n=1000), 4000
    draws = draw(exact, Budget(50, k), curvature=0.4)[:, 0]
    expected = 1 / (fisher(exact) + 1 / 10**2)
    tolerance = 4 * (2 / k + 2 / 2000) ** 0.5
    torch.testing.assert_close(draws.var(0), expected, rtol=tolerance, atol=0)


def test_with_many_data_it_is_the_inverse_diagonal_of_the_exact_precision() -> None:
    # The residuals are Gaussian as the likelihood says, so that the Fisher information is the
    # Hessian, up to √(5/n) at most for the sample's own residuals.
    exact, k = linear_regression(n=10_000), 1900
    draws = draw(exact, Budget(20, k), batch_size=100, curvature=0.5)[:, 0]
    expected = 1 / torch.linalg.inv(exact.covariance).diagonal()
    tolerance = 4 * (2 / k + 2 / 1000 + 5 / 10_000) ** 0.5
    torch.testing.assert_close(draws.var(0), expected, rtol=tolerance, atol=0)


def test_chains_have_separate_modes_and_draws() -> None:
    draws = draw(linear_regression(), Budget(100 * 3, 20), chains=3)
    assert draws.shape == (20, 3, 2)
    assert len(draws.reshape(-1, 2).unique(dim=0)) == 60
