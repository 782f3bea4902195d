"""SGHMC, compared with the exact posterior including the predicted discretisation bias."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bdlbench import registry
from bdlbench.noise import normal_like
from bdlbench.optim import SGHMC, SGLD
from bdlbench.posterior.exact import linear_regression
from bdlbench.problem import Budget, Problem

EXACT = linear_regression()
CURVATURES, DIRECTIONS = np.linalg.eigh(np.linalg.inv(EXACT.covariance.numpy()))
CHAINS = 600


@pytest.mark.parametrize(("momentum", "temperature"), [(0.9, 1.0), (0.5, 1.0), (0.9, 0.25)])
def test_full_batch_sghmc_has_the_covariance_that_theory_gives(
    momentum: float, temperature: float
) -> None:
    step_size = 3e-3  # biases of 12 % and 16 % in the stiffer direction
    problem = Problem(EXACT.posterior, Budget(480 * CHAINS, draws=6), chains=CHAINS)
    settings = {"momentum": momentum, "temperature": temperature, "step_size": step_size}
    plugin = registry.configure(registry.load("samplers", "sghmc"), {"batch_size": 100, **settings})
    sampled = plugin.sample(problem, torch.Generator().manual_seed(3))
    draws = np.concatenate([theta.double().numpy().copy() for theta in sampled])
    # Along the eigenvectors the posterior factorises, with variance s² = 1/curvature:
    # s²T/(1 − ε/(4(1 + μ)s²)).
    centred = (draws - EXACT.mean.numpy()) @ DIRECTIONS
    bias = 1 / (1 - step_size * CURVATURES / (4 * (1 + momentum)))
    expected = temperature / CURVATURES * bias
    k = len(draws) * 0.9  # draws are 40 steps apart
    assert (np.abs(centred.mean(0)) < 4 * np.sqrt(expected / k)).all()
    measured = centred.var(0)
    assert (np.abs(measured / expected - 1) < 4 * (2 / k) ** 0.5).all()
    assert measured[1] * CURVATURES[1] / temperature > 1.04, "the test must detect the known bias"


def test_the_optimizer_follows_its_equation_in_an_ordinary_training_loop() -> None:
    parameters = [
        torch.tensor([1.0, 2.0], requires_grad=True),
        torch.tensor(3.0, requires_grad=True),
        torch.tensor(5.0, requires_grad=True),  # not in the loss
    ]
    rng = torch.Generator().manual_seed(5)
    optimizer = SGHMC(parameters, lr=0.02, momentum=0.75, temperature=4, generator=rng)
    rng, expected = torch.Generator().manual_seed(5), [p.detach().clone() for p in parameters]
    velocities = [torch.zeros_like(p) for p in expected]
    for _ in range(3):
        optimizer.zero_grad()
        sum((p**2).sum() for p in parameters[:2]).backward()  # type: ignore[union-attr]
        optimizer.step()
        for p, v in zip(expected[:2], velocities, strict=False):
            noise = normal_like(p, rng)
            v.copy_(0.75 * v - 0.01 * 2 * p + (0.02 * 0.25 * 4) ** 0.5 * noise)
            p.add_(v)
    for got, wanted in zip(parameters, expected, strict=True):
        torch.testing.assert_close(got.detach(), wanted)


def test_without_momentum_it_is_sgld() -> None:
    paths = []
    for optimizer_class, settings in ((SGHMC, {"momentum": 0.0}), (SGLD, {})):
        theta = torch.ones(3, requires_grad=True)
        rng = torch.Generator().manual_seed(0)
        optimizer = optimizer_class([theta], lr=0.1, generator=rng, **settings)
        for _ in range(5):
            theta.grad = theta.detach().clone()
            optimizer.step()
        paths.append(theta.detach())
    torch.testing.assert_close(*paths)


@pytest.mark.parametrize("wrong", [{"lr": 0.0}, {"momentum": 1.0}, {"temperature": -1.0}])
def test_the_optimizer_refuses_invalid_settings(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        SGHMC([torch.zeros(1, requires_grad=True)], **{"lr": 0.1, **wrong})  # type: ignore[arg-type]
