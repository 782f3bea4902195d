"""SGD, compared with the exact MAP estimate."""

from __future__ import annotations

import pytest
import torch

from bdlbench import registry
from bdlbench.optim import descend_
from bdlbench.posterior.exact import linear_regression
from bdlbench.problem import Budget, Problem

EXACT = linear_regression()


def last(**settings: float) -> torch.Tensor:
    problem = Problem(EXACT.posterior, Budget(epochs=200, draws=10))
    plugin = registry.configure(registry.load("samplers", "sgd"), settings)
    (theta,) = plugin.sample(problem, torch.Generator().manual_seed(0))
    return torch.Tensor(theta[0]).double()


def test_sgd_ends_at_the_mode_of_the_same_posterior() -> None:
    # The cosine anneals η to 0, and with it the jitter of the minibatches: the rest is
    # a small fraction of the posterior's standard deviation.
    error = last(batch_size=20, learning_rate=0.1) - EXACT.mean
    assert (error.abs() < 0.1 * EXACT.covariance.diagonal().sqrt()).all()


def test_momentum_ends_at_the_same_mode_by_another_path() -> None:
    plain, heavy = last(batch_size=20), last(batch_size=20, momentum=0.9, learning_rate=0.01)
    assert not torch.equal(plain, heavy)
    assert ((heavy - EXACT.mean).abs() < 0.1 * EXACT.covariance.diagonal().sqrt()).all()


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_update_is_torchs(momentum: float) -> None:
    theta, velocity = torch.ones(1, 3), torch.zeros(1, 3)
    twin = theta.clone()
    optimizer = torch.optim.SGD([twin], lr=0.1, momentum=momentum)
    for gradient in torch.randn(5, 1, 3):
        descend_(theta, gradient.clone(), 0.1, momentum, velocity)
        twin.grad = gradient
        optimizer.step()
    torch.testing.assert_close(theta, twin)
