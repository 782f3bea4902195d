"""SGLD, compared with the exact posterior including the predicted discretisation bias."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_lyapunov

from bdlbench import registry
from bdlbench.errors import PluginError
from bdlbench.noise import normal_like
from bdlbench.optim import SGLD
from bdlbench.posterior.exact import linear_regression
from bdlbench.problem import Budget, Problem

EXACT = linear_regression()
PRECISION = np.linalg.inv(EXACT.covariance.numpy())
CHAINS = 200


def sample(
    batch_size: int, epochs: float, draws: int, name: str = "sgld", **settings: float
) -> np.ndarray:
    """Return draws of shape (draws, chains, 2)."""
    problem = Problem(EXACT.posterior, Budget(epochs * CHAINS, draws), chains=CHAINS)
    plugin = registry.configure(
        registry.load("samplers", name), {"batch_size": batch_size, **settings}
    )
    sampled = plugin.sample(problem, torch.Generator().manual_seed(3))
    return np.stack([theta.double().numpy().copy() for theta in sampled])


def stationary(
    step_size: float, temperature: float = 1, noise: np.ndarray | None = None
) -> np.ndarray:
    """Solve S = M S Mᵀ + εT·I + (ε²/4)·C, M = I − (ε/2)A, for the stationary covariance S."""
    step = np.eye(2) - step_size / 2 * PRECISION
    gradient_noise = 0 if noise is None else step_size**2 / 4 * noise
    return solve_discrete_lyapunov(step, step_size * temperature * np.eye(2) + gradient_noise)


def minibatch_noise(batch_size: int) -> np.ndarray:
    """Return the covariance of the minibatch gradient at the mean, drawn without replacement."""
    posterior, n = EXACT.posterior, EXACT.posterior.n
    mean = EXACT.mean.float().expand(1, 2)
    prior = mean[0].numpy() / posterior.prior_std**2
    single = [posterior.gradient(mean, torch.tensor([[i]]))[0].numpy() - prior for i in range(n)]
    spread = np.cov(np.array(single, dtype=np.float64), rowvar=False, ddof=0)
    return spread / batch_size * (n - batch_size) / (n - 1)


@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_full_batch_sgld_has_the_covariance_that_theory_gives(temperature: float) -> None:
    step_size = 1.5e-3  # ε·λ/4 = 0.1 for the intercept: a bias of 11 %
    draws = sample(100, epochs=2400, draws=30, step_size=step_size, temperature=temperature)
    expected = stationary(step_size, temperature)
    # Draws are 40 steps apart, with a correlation of (1 − ελ/2)^40 < 0.1 for the slope: nearly
    # independent. A variance from k of them has a relative standard deviation of √(2/k).
    k = draws.shape[0] * draws.shape[1] * 0.9
    flat = draws.reshape(-1, 2)
    scale = np.sqrt(np.diag(expected))
    assert np.abs((flat.mean(0) - EXACT.mean.numpy()) / scale).max() < 4 / k**0.5
    measured = np.cov(flat, rowvar=False)
    assert np.abs((measured - expected) / np.outer(scale, scale)).max() < 4 * (2 / k) ** 0.5
    exact = EXACT.covariance.numpy() * temperature
    assert measured[1, 1] / exact[1, 1] > 1.05, "the test must detect the known bias"


def test_the_variance_of_sgld_is_between_that_of_no_noise_and_of_independent_minibatches() -> None:
    # Minibatches of shuffled epochs are negatively correlated: the noise
    # of independent ones, known in closed form, is an upper bound.
    step_size, batch_size = 1e-4, 25
    draws = sample(batch_size, epochs=1000, draws=5, step_size=step_size)
    low, high = stationary(step_size), stationary(step_size, noise=minibatch_noise(batch_size))
    flat = draws.reshape(-1, 2)
    k = len(flat) * 0.9  # draws are 400 steps apart: (1 − ελ/2)^400 ≈ 0.15 for the slope
    tolerance = 4 * (2 / k) ** 0.5
    measured = np.cov(flat, rowvar=False).diagonal() / low.diagonal()
    assert (measured > 1 - tolerance).all()
    assert (measured < high.diagonal() / low.diagonal() * (1 + tolerance)).all()
    assert np.abs(flat.mean(0) - EXACT.mean.numpy()).max() < 4 * np.sqrt(high.max() / k)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("sgld", {}), ("psgld", {"damping": 1e4})],  # makes the preconditioner 1
)
def test_the_step_size_decays_from_the_first_step_to_the_last(
    name: str, settings: dict[str, float]
) -> None:
    rate, decay, steps = 1e-3, 0.1, 8
    draws = sample(100, steps, steps, name, step_size=rate, decay=decay, temperature=0, **settings)
    gradient = (draws[:-1] - EXACT.mean.numpy()) @ PRECISION  # of the quadratic potential
    moved = draws[1:] - draws[:-1]
    expected = -rate / 2 * decay ** (np.arange(1, steps) / steps)
    np.testing.assert_allclose(moved, expected[:, None, None] * gradient, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("name", ["sgld", "psgld"])
@pytest.mark.parametrize("decay", [0.0, -0.5, 1.5])
def test_a_decay_above_1_or_of_0_is_refused(name: str, decay: float) -> None:
    with pytest.raises(PluginError, match=f"{name}: expected decay .*{decay}"):
        registry.configure(registry.load("samplers", name), {"decay": decay})


def test_the_optimizer_follows_its_equation_in_an_ordinary_training_loop() -> None:
    parameters = [
        torch.tensor([1.0, 2.0], requires_grad=True),
        torch.tensor(3.0, requires_grad=True),
    ]
    optimizer = SGLD(parameters, lr=0.01, temperature=4, generator=torch.Generator().manual_seed(5))
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    rng, expected = torch.Generator().manual_seed(5), [p.detach().clone() for p in parameters]
    for epsilon in (0.01, 0.005):
        optimizer.zero_grad()
        sum((p**2).sum() for p in parameters).backward()  # type: ignore[union-attr]
        optimizer.step()
        schedule.step()
        for p in expected:
            noise = normal_like(p, rng)
            p.add_(-epsilon / 2 * 2 * p + (4 * epsilon) ** 0.5 * noise)
    for got, wanted in zip(parameters, expected, strict=True):
        torch.testing.assert_close(got.detach(), wanted)


def test_the_optimizer_skips_parameters_without_a_gradient() -> None:
    parameter = torch.zeros(3, requires_grad=True)
    SGLD([parameter], lr=0.1).step()
    assert not parameter.any()


@pytest.mark.parametrize(("lr", "temperature"), [(0.0, 1.0), (-1.0, 1.0), (0.1, -1.0)])
def test_the_optimizer_refuses_invalid_settings(lr: float, temperature: float) -> None:
    with pytest.raises(ValueError, match="expected"):
        SGLD([torch.zeros(1, requires_grad=True)], lr=lr, temperature=temperature)
