"""Posteriors of which independent exact draws can be had, on which samplers are certified.

Sizes, names and data are drawn anew from a seed, so that no plugin can recognise a problem.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import Posterior

Array = NDArray[np.float64]
POOL = 100_000  # exact draws: their means are known to 0.3 % of a standard deviation
OVERDISPERSED = 2.0  # factor by which over-dispersed initial states are further from the mean


def unfolded(theta: Array) -> Array:
    """Return θ as it is, for a posterior without symmetries."""
    return theta


@dataclass(frozen=True)
class Known:
    """A posterior with independent exact draws.

    Args:
        posterior: The posterior to sample.
        pool: Independent draws, shape (n, dim); of one of several equivalent modes.
        curvature: Largest eigenvalue of the Hessian of U, at most of the draws.
        mean: Posterior mean, of one of several equivalent modes, shape (dim,).
        covariance: Posterior covariance, likewise, shape (dim, dim).
        fold: Maps θ (…, dim) to the equivalent θ in the mode of the pool.
        flip: Maps θ (…, dim) to the equivalent θ in another mode; None without symmetries.
        gaussian: Whether the posterior is Gaussian.
    """

    posterior: Posterior
    pool: Array
    curvature: float
    mean: Array
    covariance: Array
    fold: Callable[[Array], Array] = unfolded
    flip: Callable[[Array], Array] | None = None
    gaussian: bool = False

    @cached_property
    def root(self) -> Array:
        """Lower triangular L with covariance L·Lᵀ."""
        return np.asarray(np.linalg.cholesky(self.covariance), np.float64)

    @cached_property
    def relaxation(self) -> float:
        """Relaxation time of Langevin dynamics along the widest axis, in units of steps × κ."""
        return 2 * self.curvature * float(np.linalg.eigvalsh(self.covariance)[-1])

    def whiten(self, theta: Array) -> Array:
        """Return folded θ (…, dim) in coordinates in which mean is 0 and covariance I."""
        offsets = (self.fold(theta) - self.mean).reshape(-1, len(self.mean))
        white = np.linalg.solve(self.root, offsets.T).T
        return np.asarray(white.reshape(theta.shape))

    def at_one(self, theta: Array, temperature: float) -> Array:
        """Return θ (…, dim) as draws at T = 1, of ones of a Gaussian posterior at another T."""
        if temperature == 1:
            return theta
        return np.asarray(self.mean + (theta - self.mean) / math.sqrt(temperature))

    def start(self, exact: int, wide: int, temperature: float, rng: torch.Generator) -> Tensor:
        """Draw initial states: exact ones, and then over-dispersed ones, shape (chains, dim).

        Args:
            exact: Number of exact draws.
            wide: Number of states that are `OVERDISPERSED`.
            temperature: For another temperature than 1, of a Gaussian posterior.
            rng: Source of the choice.
        """
        chosen = torch.randint(len(self.pool), (exact + wide,), generator=rng).numpy()
        scale = np.r_[np.ones(exact), np.full(wide, OVERDISPERSED)] * math.sqrt(temperature)
        theta = self.mean + scale[:, None] * (self.pool[chosen] - self.mean)
        if self.flip is not None:
            flipped = torch.rand(len(theta), generator=rng).numpy() < 0.5
            theta = np.where(flipped[:, None], self.flip(theta), theta)
        return torch.from_numpy(theta).float()


def normal(
    posterior: Posterior, curvature: float, mean: Array, covariance: Array, noise: Array
) -> Known:
    """Return a Gaussian posterior.

    Args:
        posterior: The posterior.
        curvature: Largest eigenvalue of the precision.
        mean: Its mean, shape (dim,).
        covariance: Its covariance, shape (dim, dim).
        noise: Draws of N(0, I), of which its draws are made, shape (n, dim).
    """
    pool = mean + noise @ np.linalg.cholesky(covariance).T
    return Known(posterior, pool, curvature, mean, covariance, gaussian=True)


def places(network: Network) -> dict[str, slice]:
    """Return where each tensor lies in θ, by name."""
    ends = list(itertools.accumulate(network.sizes, initial=0))
    parts = [slice(*pair) for pair in itertools.pairwise(ends)]
    return dict(zip(network.shapes, parts, strict=True))
