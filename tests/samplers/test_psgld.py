"""PSGLD, compared with the exact posterior, and its optimizer with the update equation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.linalg import solve_discrete_lyapunov

from bdlbench import registry
from bdlbench.noise import normal_like
from bdlbench.optim import PSGLD
from bdlbench.posterior.exact import linear_regression
from bdlbench.problem import Budget, Problem

EXACT = linear_regression()
PRECISION = torch.linalg.inv(EXACT.covariance)
CHAINS = 500


def sample(epochs: float = 600, draws: int = 6, **settings: float) -> np.ndarray:
    """Return draws of shape (draws × chains, 2), full batch."""
    problem = Problem(EXACT.posterior, Budget(epochs * CHAINS, draws), chains=CHAINS)
    plugin = registry.configure(registry.load("samplers", "psgld"), {"batch_size": 100, **settings})
    sampled = plugin.sample(problem, torch.Generator().manual_seed(3))
    return np.concatenate([theta.double().numpy().copy() for theta in sampled])


@pytest.mark.parametrize("temperature", [1.0, 0.25])
def test_with_a_frozen_preconditioner_the_target_is_the_posterior(temperature: float) -> None:
    step_size = 1.5e-3
    draws = sample(step_size=step_size, temperature=temperature)
    k = len(draws) * 0.7  # draws are 50 steps apart, but G slows the stiffer direction
    exact = EXACT.covariance.diagonal().numpy() * temperature
    assert (np.abs(draws.mean(0) - EXACT.mean.numpy()) < 4 * np.sqrt(exact / k)).all()
    ratio = draws.var(0) / exact
    # G is between λ/(1 + λ) and 1: the discretisation bias is between 0 and SGLD's.
    bias = 1 / (1 - step_size / 4 * PRECISION.diagonal().numpy())
    assert (ratio > 1 - 4 * (2 / k) ** 0.5).all()
    assert (ratio < bias * (1 + 4 * (2 / k) ** 0.5)).all()


def test_without_freezing_the_omitted_term_biases_it() -> None:
    # Smaller steps are worse: V then follows individual gradients.
    moving = sample(step_size=1e-3, alpha=0.0, freeze=False, damping=0.1)
    frozen = sample(step_size=1e-3, alpha=0.0, freeze=True, damping=0.1)
    exact = EXACT.covariance.diagonal().numpy()
    assert (moving.var(0) / exact).max() > 1.15 > (frozen.var(0) / exact).max()


def test_the_optimizer_has_the_covariance_that_theory_gives_for_its_preconditioner() -> None:
    precision, step_size, temperature = torch.diag(torch.tensor([1.0, 9.0])), 0.1, 2.0
    rng = torch.Generator().manual_seed(2)
    theta = torch.zeros(2000, 2, requires_grad=True)
    optimizer = PSGLD([theta], step_size, temperature, chains=True, generator=rng)
    for step in range(500):
        if step == 100:
            optimizer.freeze()
        theta.grad = theta.detach() @ precision
        optimizer.step()
    covariances = []
    for g in optimizer.state[theta]["G"].double().numpy():
        move = np.eye(2) - step_size / 2 * np.diag(g) @ precision.double().numpy()
        covariances.append(solve_discrete_lyapunov(move, step_size * temperature * np.diag(g)))
    expected = np.mean(covariances, axis=0).diagonal()
    measured = theta.detach().double().numpy().var(0)
    assert (np.abs(measured / expected - 1) < 4 * (2 / len(theta)) ** 0.5).all()


def test_the_optimizer_follows_its_equation_in_an_ordinary_training_loop() -> None:
    a, b = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor(3.0, requires_grad=True)
    rng = torch.Generator().manual_seed(5)
    optimizer = PSGLD([a, b], 0.01, temperature=4.0, alpha=0.5, damping=0.25, generator=rng)
    rng, theta = torch.Generator().manual_seed(5), torch.tensor([1.0, 2.0, 3.0])
    square = torch.zeros(3)
    for step in range(3):
        if step == 2:
            optimizer.freeze()
        optimizer.zero_grad()
        (2 * (a**2).sum() + b**2).backward()
        optimizer.step()
        gradient = torch.tensor([4.0, 4.0, 2.0]) * theta
        if step < 2:
            square = square / 2 + gradient**2 / 2
        scale = square.sqrt() / square.sqrt().max()
        g = 1 / (0.25 + scale)
        g /= g.max()
        noise = torch.cat([normal_like(torch.empty(n), rng) for n in (2, 1)])
        theta = theta - 0.005 * g * gradient + (0.04 * g).sqrt() * noise
    torch.testing.assert_close(torch.cat([a, b[None]]).detach(), theta)


def test_the_preconditioner_does_not_depend_on_the_scale_nor_on_other_chains() -> None:
    gradient = torch.tensor([[1.0, 3.0, 0.0], [5.0, 2.0, 1.0]])
    found = []
    for grad in (gradient, 1000 * gradient, gradient[1:], torch.zeros(1, 3)):
        theta = torch.zeros_like(grad, requires_grad=True)
        optimizer = PSGLD([theta], lr=0.1, damping=0.1, chains=True)
        theta.grad = grad
        optimizer.step()
        found.append(optimizer.state[theta]["G"])
    torch.testing.assert_close(found[1], found[0])
    torch.testing.assert_close(found[2], found[0][1:])
    torch.testing.assert_close(found[3], torch.ones(1, 3))  # no gradient, no preconditioning
    assert (found[0].amax(1) == 1).all()
    assert found[0][0, 1].item() == pytest.approx(0.1 / 1.1)


@pytest.mark.parametrize(
    "wrong", [{"lr": 0.0}, {"temperature": -1.0}, {"alpha": 1.0}, {"damping": 0.0}]
)
def test_the_optimizer_refuses_invalid_settings(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        PSGLD([torch.zeros(1, requires_grad=True)], **{"lr": 0.1, **wrong})  # type: ignore[arg-type]
