"""A known posterior for the tests of the adapters: two parameters, a Gaussian."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from bdlbench.posterior.exact import linear_regression
from bdlbench.problem import Budget, Problem

EXACT = linear_regression()  # n = 100
N = EXACT.posterior.n
CURVATURE = 1 / float(torch.linalg.eigvalsh(EXACT.covariance)[0])  # the largest; the other: a third
KAPPA = 0.1  # ε times the largest curvature
EPSILON = KAPPA / CURVATURE
# Langevin dynamics with step ε has variances too large by a factor of 1/(1 − κ/4).
BIAS = KAPPA / 4
CHAINS, DRAWS = 150, 6
Sample = Callable[[Problem, torch.Generator], Iterator[Tensor]]


def over_dispersed(chains: int, rng: torch.Generator) -> Tensor:
    """Draw from the posterior, widened by a factor of two."""
    normal = torch.randn(chains, 2, generator=rng, dtype=torch.float64)
    return (EXACT.mean + 2 * normal @ torch.linalg.cholesky(EXACT.covariance).T).float()


def problem(
    epochs: float, chains: int = CHAINS, draws: int = DRAWS, burn_in: float = 0.25
) -> Problem:
    """Return a problem with a budget of `epochs` for each chain."""
    budget = Budget(epochs * chains, draws, burn_in)
    return Problem(EXACT.posterior, budget, chains, start=over_dispersed)


def rng(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def run(sample: Sample, made: Problem, seed: int = 0) -> Tensor:
    """Return all draws, shape (draws, chains, 2)."""
    return torch.stack([theta.clone() for theta in sample(made, rng(seed))])


def assert_exact(draws: Tensor, bias: float = 0.0, temperature: float = 1.0) -> None:
    """Check mean and covariance, in units of the posterior's standard deviations.

    For k independent draws a mean has the standard error 1/√k, and a (co)variance at most √(2/k).
    Draws are taken to be k/2 independent ones: they are two relaxation times apart or more.

    Args:
        draws: Shape (draws, chains, 2).
        bias: Known relative bias of the variances.
        temperature: T.
    """
    assert draws.dtype == torch.float32
    flat = draws.flatten(0, 1).double()
    k = len(flat) / 2
    root = torch.linalg.cholesky(EXACT.covariance * temperature)
    white = torch.linalg.solve_triangular(root, (flat - EXACT.mean).T, upper=False)
    assert float(white.mean(1).abs().max()) < 4 / k**0.5
    excess = float((torch.cov(white) - torch.eye(2)).abs().max())
    assert excess < 4 * (2 / k) ** 0.5 + 2 * bias
