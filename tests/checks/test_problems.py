"""The posteriors of which exact draws are known: the draws are from exp(−U)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import integrate, special

from bdlbench.checks import linear_problems, network_problems
from bdlbench.checks.known import Known
from bdlbench.posterior.potential import Posterior

MAKERS: dict[str, Callable[[], Known]] = {
    "tensors": lambda: linear_problems.tensors(0),
    "small tensors": lambda: linear_problems.tensors(1, points=60, small=True),
    "groups": lambda: linear_problems.groups(0, 500),
    "skewed": lambda: network_problems.skewed(0),
    "curved": lambda: network_problems.curved(0),
    "two layers": lambda: network_problems.two_layers(0),
    "skewed, 40 points": lambda: network_problems.skewed(0, 40),
    "two layers, 40 points": lambda: network_problems.two_layers(0, 40),
}


@pytest.fixture(scope="module")
def known() -> dict[str, Known]:
    return {name: make() for name, make in MAKERS.items()}


@pytest.mark.parametrize("name", MAKERS)
def test_the_draws_fulfil_steins_identity(known: dict[str, Known], name: str) -> None:
    """E[f(θ)·∂U/∂θᵢ] = E[∂f/∂θᵢ] holds for exp(−U) alone, here with f = 1, θⱼ and tanh θⱼ."""
    one = known[name]
    theta = one.start(10_000, 0, 1.0, torch.Generator().manual_seed(0))
    slope, draws = one.posterior.gradient(theta).double().numpy(), theta.double().numpy()
    scale = np.sqrt(np.diag(one.covariance))
    bent = np.tanh(draws / scale)
    dim = len(scale)
    for values, expected in (
        (slope * scale, np.zeros(dim)),
        (draws[:, :, None] * slope[:, None], np.eye(dim)),
        (bent[:, :, None] * (slope * scale)[:, None], np.diag((1 - bent**2).mean(axis=0))),
    ):
        error = values.std(axis=0) / np.sqrt(len(values))
        # Up to 30·30 comparisons of means: 5 standard errors have a probability of 6e-7 each.
        assert (np.abs(values.mean(axis=0) - expected) < 5 * error + 2e-3).all()


@pytest.mark.parametrize("name", ["curved", "two layers"])
def test_symmetries_leave_u_as_it_is(known: dict[str, Known], name: str) -> None:
    one = known[name]
    assert one.flip is not None
    theta = one.pool[:50]
    here, there = (
        one.posterior.potential(torch.from_numpy(each).float()) for each in (theta, one.flip(theta))
    )
    assert torch.allclose(here, there)
    assert np.array_equal(one.fold(theta), theta)
    assert np.array_equal(one.fold(one.flip(theta)), theta)


def test_the_moments_of_the_skewed_posterior_are_those_of_adaptive_quadrature(
    known: dict[str, Known],
) -> None:
    one = known["skewed"]
    x, y = one.posterior.x.double().numpy()[:, 0], one.posterior.y.numpy()
    start = torch.from_numpy(one.mean[None]).float()
    largest = -float(one.posterior.potential(start))

    def density(b: float, a: float) -> float:
        logits = a * x + b
        log_likelihood = special.log_expit(np.where(y == 1, logits, -logits)).sum()
        prior = (a * a + b * b) / (2 * one.posterior.prior_std**2)
        return float(np.exp(log_likelihood - prior - largest))

    (a, b), (wide, high) = one.mean, 7 * np.sqrt(np.diag(one.covariance))
    box = float(a - wide), float(a + wide), float(b - high), float(b + high)

    def integral(power: int) -> float:
        def term(b: float, a: float) -> float:
            return float(a**power * density(b, a))

        return float(integrate.dblquad(term, *box, epsabs=1e-6, epsrel=1e-5)[0])

    mean, square = integral(1) / integral(0), integral(2) / integral(0)
    error = np.sqrt(one.covariance[0, 0] / len(one.pool))
    assert abs(one.mean[0] - mean) < 5 * error
    assert one.covariance[0, 0] == pytest.approx(square - mean**2, rel=0.03)


@pytest.mark.parametrize("name", ["tensors", "groups"])
def test_the_products_are_u_and_its_gradient(known: dict[str, Known], name: str) -> None:
    posterior = known[name].posterior
    rng = torch.Generator().manual_seed(0)
    theta = known[name].start(3, 2, 1.0, rng)
    batch = torch.stack([torch.randperm(posterior.n, generator=rng)[:32] for _ in range(5)])
    everything = torch.stack([torch.randperm(posterior.n, generator=rng) for _ in range(5)])
    for part in (None, batch, everything):
        energy, slope = posterior.potential(theta, part), posterior.gradient(theta, part)
        expected = Posterior.gradient(posterior, theta, part)
        assert torch.allclose(energy, Posterior.potential(posterior, theta, part), rtol=1e-5)
        assert torch.allclose(slope, expected, rtol=1e-3, atol=1e-3 * float(expected.std()))


def test_sizes_names_and_data_differ_between_seeds() -> None:
    first, second = linear_problems.tensors(0), linear_problems.tensors(1)
    assert first.posterior.network.shapes != second.posterior.network.shapes
    assert first.posterior.network.dim >= 20
    assert {len(shape) for shape in first.posterior.network.shapes.values()} == {1, 2, 3}


def test_coordinates_of_different_tensors_are_correlated() -> None:
    one = linear_problems.tensors(0)
    scale = np.sqrt(np.diag(one.covariance))
    correlation = one.covariance / np.outer(scale, scale)
    assert np.abs(correlation[:6, 12:]).max() > 0.15


def test_chains_start_at_exact_and_at_over_dispersed_states(known: dict[str, Known]) -> None:
    one = known["tensors"]
    start = one.start(2000, 2000, 1.0, torch.Generator().manual_seed(0))
    white = one.whiten(start.double().numpy())
    # The mean of 2,000 × dim squares has a relative standard error below 1 %.
    assert (white[:2000] ** 2).mean() == pytest.approx(1, rel=0.04)
    assert (white[2000:] ** 2).mean() == pytest.approx(4, rel=0.04)
    cold = one.whiten(one.start(2000, 0, 0.25, torch.Generator().manual_seed(0)).double().numpy())
    assert (cold**2).mean() == pytest.approx(0.25, rel=0.04)
