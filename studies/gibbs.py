"""Gibbs densities, functions of the loss alone, and tests of draws against them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Well:
    """Hold exp(−2L/T) for the loss L = (θ² − 1)²/4 of one parameter.

    Args:
        temperature: T.
    """

    temperature: float

    def density(self) -> tuple[Array, Array]:
        """Return θ on a grid, and the density there."""
        x = np.linspace(-2, 2, 2001)
        p = np.exp(-((x**2 - 1) ** 2) / 2 / self.temperature)
        return x, p / np.trapezoid(p, x)

    def p_value(self, draws: Array) -> float:
        """Test draws, of shape (draws,), by Kolmogorov and Smirnov's test."""
        x, p = self.density()
        cdf = np.cumsum(p) / p.sum()
        return _kolmogorov_smirnov(draws, lambda theta: np.interp(theta, x, cdf))


@dataclass(frozen=True)
class Bowl:
    """Hold exp(−2L/T) for the loss L = θᵀAθ/2 of two parameters.

    Args:
        temperature: T.
        hessian: A.
    """

    temperature: float
    hessian: Array

    def loss_p_value(self, draws: Array) -> float:
        """Test whether 2L/T of draws, of shape (draws, 2), is exponential."""
        loss = np.einsum("ni,ij,nj->n", draws, self.hessian, draws) / 2
        return _kolmogorov_smirnov(2 * loss / self.temperature, stats.expon.cdf)

    def angle_p_value(self, draws: Array) -> float:
        """Test whether A^½θ of draws, of shape (draws, 2), points in all directions alike."""
        white = draws @ np.linalg.cholesky(self.hessian)
        turns = np.arctan2(white[:, 1], white[:, 0]) / (2 * np.pi) + 0.5
        return _kolmogorov_smirnov(turns, stats.uniform.cdf)

    def ring(self, share: float) -> Array:
        """Return the level of L within which this share of the density lies, shape (2, points)."""
        turn = np.linspace(0, 2 * np.pi, 200)
        circle = np.sqrt(-self.temperature * np.log(1 - share)) * np.stack(
            [np.cos(turn), np.sin(turn)]
        )
        ring: Array = np.linalg.inv(np.linalg.cholesky(self.hessian)).T @ circle
        return ring


def _kolmogorov_smirnov(draws: Array, cdf: Any) -> float:
    return float(np.asarray(stats.kstest(draws, cdf).pvalue))
