"""Exactly known posteriors, on which samplers are certified."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from bdlbench.posterior.likelihoods import Bernoulli, Gaussian
from bdlbench.posterior.models import Network
from bdlbench.posterior.potential import Posterior

SLOPE, INTERCEPT, NOISE_STD = 3.0, 10.0, 0.6


@dataclass(frozen=True)
class ExactPosterior:
    """A posterior with its exact moments.

    Args:
        posterior: The posterior to sample.
        mean: Posterior mean, shape (dim,), float64.
        covariance: Posterior covariance, shape (dim, dim), float64.
    """

    posterior: Posterior
    mean: Tensor
    covariance: Tensor


def linear_regression(n: int = 100, prior_std: float = 10.0) -> ExactPosterior:
    """Linear regression on n points: y = 3x + 10 + N(0, 0.6²), x uniform on [−1, 1].

    θ is (slope, intercept). Every call returns the same data.

    Args:
        n: Number of training points.
        prior_std: Standard deviation of the prior on slope and intercept.
    """
    rng = torch.Generator().manual_seed(0)
    x = 2 * torch.rand(n, 1, generator=rng) - 1
    y = SLOPE * x[:, 0] + INTERCEPT + NOISE_STD * torch.randn(n, generator=rng)
    return conjugate(torch.cat([x, torch.ones(n, 1)], dim=1), y, NOISE_STD, prior_std)


def gaussian(dim: int = 6, condition: float = 100.0, n: int = 60) -> ExactPosterior:
    """A correlated Gaussian, as the posterior of a linear regression.

    The standard deviations along its axes are a geometric sequence from 1/√condition to 1, the axes
    are rotated at random, and the mean is within about a standard deviation of zero.

    Args:
        dim: Number of parameters.
        condition: Ratio of the largest to the smallest eigenvalue of the covariance.
        n: Number of training points, a multiple of dim.
    """
    rng = torch.Generator().manual_seed(1)
    axes = torch.linalg.qr(torch.randn(dim, dim, generator=rng, dtype=torch.float64)).Q
    eigenvalues = condition ** torch.linspace(0, 1, dim, dtype=torch.float64)
    prior_std = 2.0  # its precision, 1/4, is less than any eigenvalue
    features = (eigenvalues - prior_std**-2).sqrt()[:, None] * axes.T
    targets = torch.randn(dim, generator=rng, dtype=torch.float64)
    copies = n // dim
    rows = features.repeat(copies, 1) / copies**0.5
    return conjugate(rows.float(), (targets.repeat(copies) / copies**0.5).float(), 1.0, prior_std)


def gaussian_mean(n: int, spread: float = 0.03) -> ExactPosterior:
    """The mean of n observations with noise N(0, 1), which reveals a wrong factor of N.

    The observations are spread less than the noise, so that minibatches hardly differ and large n
    needs no more steps (the posterior does not depend on the spread).

    Args:
        n: Number of observations.
        spread: Their standard deviation.
    """
    rng = torch.Generator().manual_seed(2)
    prior_std = n**-0.5  # as informative as the data, to reveal errors in the prior, too
    y = 4 * prior_std + spread * torch.randn(n, generator=rng)
    return conjugate(torch.ones(n, 1), y, 1.0, prior_std)


def logistic_regression(n: int = 40, prior_std: float = 1.5) -> ExactPosterior:
    """Logistic regression on n points, with moments by quadrature.

    θ is (slope, intercept); the posterior is skewed. A grid of 201 × 201 points over ±9 prior
    standard deviations, which contain all of the mass, is exact to float32: the error of the sum
    is of order exp(−2π²(s/h)²), and the posterior's width s is several times the spacing h.
    """
    rng = torch.Generator().manual_seed(3)
    x = torch.cat([2 * torch.rand(n, 1, generator=rng) - 1, torch.ones(n, 1)], dim=1)
    y = (torch.rand(n, generator=rng) < torch.sigmoid(x @ torch.tensor([3.0, 0.7]))).float()
    posterior = Posterior(_without_bias(2), Bernoulli(), x, y, prior_std)
    axis = np.linspace(-9 * prior_std, 9 * prior_std, 201)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    logits = grid @ x.double().numpy().T
    log_density = -np.logaddexp(0, np.where(y.numpy() == 1, -logits, logits)).sum(axis=1)
    log_density -= (grid**2).sum(axis=1) / (2 * prior_std**2)
    weights = np.exp(log_density - log_density.max())
    weights /= weights.sum()
    mean = weights @ grid
    covariance = (grid - mean).T @ ((grid - mean) * weights[:, None])
    return ExactPosterior(posterior, torch.from_numpy(mean), torch.from_numpy(covariance))


def conjugate(x: Tensor, y: Tensor, noise_std: float, prior_std: float) -> ExactPosterior:
    """Solve conjugate Bayesian linear regression (Bishop, 2006, equations 3.53 and 3.54).

    Covariance S = (XᵀX/σ² + I/s²)⁻¹, mean S Xᵀy/σ².

    Args:
        x: Design matrix X, shape (n, dim), float32.
        y: Observations, shape (n,).
        noise_std: σ.
        prior_std: s.
    """
    features = x.double()
    identity = torch.eye(features.shape[1], dtype=torch.float64)
    precision = features.T @ features / noise_std**2 + identity / prior_std**2
    covariance = torch.linalg.inv(precision)
    mean = covariance @ features.T @ y.double() / noise_std**2
    posterior = Posterior(_without_bias(x.shape[1]), Gaussian(noise_std), x, y, prior_std)
    return ExactPosterior(posterior, mean, covariance)


def _without_bias(features: int) -> Network:
    with torch.device("meta"):
        return Network(nn.Sequential(nn.Linear(features, 1, bias=False)))
