"""Measurements from which a failed check is diagnosed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bdlbench.checks.moments import Moments
from bdlbench.checks.sampling import Array
from bdlbench.posterior.exact import ExactPosterior


@dataclass(frozen=True)
class Evidence:
    """The measurements of a sampler that failed a check.

    Args:
        exact: The problem.
        settings: The sampler's hyperparameters.
        fine: Moments at a small step size.
        coarse: At twice that, if the sampler has a hyperparameter ``step_size``.
        asked: The requested temperature; the moments are in units of it.
    """

    exact: ExactPosterior
    settings: Mapping[str, Any]
    fine: Moments
    coarse: Moments | None
    asked: float = 1.0

    @property
    def n(self) -> int:
        """The number of training points, N."""
        return self.exact.posterior.n

    @property
    def oversampling(self) -> float:
        """The number of training points over the batch size, N/n."""
        return self.n / (self.settings.get("batch_size") or self.n)

    @property
    def temperature(self) -> float:
        """The configurational temperature, which is T for any shape of the posterior."""
        return float(self.fine.configurational.value)


def with_prior(exact: ExactPosterior, weight: float) -> tuple[Array, float]:
    """Return mean and temperature, in whitened coordinates, with the prior's weight changed.

    Exact for a Gaussian posterior, otherwise a Laplace approximation.
    """
    identity = torch.eye(len(exact.mean), dtype=torch.float64)
    precision = torch.linalg.inv(exact.covariance)
    covariance = torch.linalg.inv(
        precision + (weight - 1) / exact.posterior.prior_std**2 * identity
    )
    shift = covariance @ (precision @ exact.mean) - exact.mean
    root = torch.linalg.cholesky(exact.covariance)
    white = torch.linalg.solve_triangular(root, shift[:, None], upper=False)[:, 0]
    return white.numpy(), float(torch.trace(precision @ covariance)) / len(exact.mean)
