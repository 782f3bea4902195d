"""Problems whose posterior is known in closed form: what samplers are certified against."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from bdlbench.likelihoods import Gaussian
from bdlbench.models import Network
from bdlbench.posterior import Posterior

SLOPE, INTERCEPT, NOISE_STD = 3.0, 10.0, 0.6


@dataclass(frozen=True)
class ExactPosterior:
    """Hold a posterior together with its exact moments.

    Args:
        posterior: What samplers are given.
        mean: Posterior mean, shape (dim,), float64.
        covariance: Posterior covariance, shape (dim, dim), float64.
    """

    posterior: Posterior
    mean: Tensor
    covariance: Tensor


def linear_regression(n: int = 100, prior_std: float = 10.0) -> ExactPosterior:
    """Fit a line through n points: y = 3x + 10 + N(0, 0.6²), x uniform on [−1, 1].

    θ is (slope, intercept). The data are the same at every call.

    Args:
        n: Number of training points.
        prior_std: Standard deviation of the prior on slope and intercept.
    """
    rng = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(n, 1, generator=rng) - 1
    y = SLOPE * x[:, 0] + INTERCEPT + NOISE_STD * torch.randn(n, generator=rng)
    return _solve(x, y, NOISE_STD, prior_std)


def _solve(x: Tensor, y: Tensor, noise_std: float, prior_std: float) -> ExactPosterior:
    """Solve conjugate Bayesian linear regression (Bishop, 2006, equations 3.50 and 3.51).

    With the design matrix Φ = (x, 1): covariance S = (ΦᵀΦ/σ² + I/s²)⁻¹, mean S Φᵀy/σ².
    """
    features = torch.cat([x, torch.ones(len(x), 1)], dim=1).double()
    identity = torch.eye(features.shape[1], dtype=torch.float64)
    precision = features.T @ features / noise_std**2 + identity / prior_std**2
    covariance = torch.linalg.inv(precision)
    mean = covariance @ features.T @ y.double() / noise_std**2
    with torch.device("meta"):
        network = Network(nn.Sequential(nn.Linear(x.shape[1], 1)))
    return ExactPosterior(
        Posterior(network, Gaussian(noise_std), x, y, prior_std), mean, covariance
    )
