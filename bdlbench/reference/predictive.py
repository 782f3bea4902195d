"""The predictions of a reference: averaged class probabilities, or a mixture of densities."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bdlbench.records.densities import Densities

CELLS = 500  # of the quadrature of a total variation
POINTS = 100  # least number of quantiles of every draw, of which the cells' bounds are taken


@dataclass(frozen=True, eq=False)
class Averages:
    """Mean predictive log-probabilities for one set of inputs.

    Args:
        log_probabilities: Averaged over all draws, float32 (inputs, classes).
        halves: Averaged over each half of the chains, float32 (2, inputs, classes).
    """

    log_probabilities: NDArray[np.float32]
    halves: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Mixture:
    """Predictive densities of real targets for one set of inputs, in the targets' own units.

    Args:
        location: Of evenly spaced draws, chain after chain, float32 (draws, inputs).
        scale: float32 (draws, inputs), or (draws, 1) if it is the same for all inputs.
        df: Degrees of freedom, float64 (); inf for Gaussian noise.
        first: Number of draws from the first half of the chains, int64 ().
    """

    location: NDArray[np.float32]
    scale: NDArray[np.float32]
    df: NDArray[np.float64]
    first: NDArray[np.int64]

    def densities(self, rows: slice = slice(None)) -> Densities:
        """Return the mixture of some of the draws."""
        location = self.location[rows]
        return Densities(location, self.scale[rows], self.df, np.zeros(location.shape[1]))

    @property
    def halves(self) -> tuple[Densities, Densities]:
        """The mixtures of the two halves of the chains."""
        first = int(self.first)
        return self.densities(slice(first)), self.densities(slice(first, None))

    @cached_property
    def bounds(self) -> NDArray[np.float64]:
        """Bounds between cells of about the same probability, (CELLS − 1, inputs).

        They are quantiles of all draws' quantiles: a cell has at most 1/CELLS + 1/POINTS.
        """
        points = max(POINTS, 4 * CELLS // len(self.location))
        levels = (np.arange(points) + 0.5) / points
        gaussian = np.isinf(self.df)
        noise = np.asarray(
            special.ndtri(levels) if gaussian else special.stdtrit(float(self.df), levels),
            np.float64,
        )
        found = [
            np.quantile(points, np.arange(1, CELLS) / CELLS, axis=None)
            for points in self._points(noise)
        ]
        return np.stack(found, axis=1)

    def _points(self, noise: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        """Return the quantiles of all draws, (draws, points), for every input."""
        scale = np.broadcast_to(self.scale, self.location.shape)
        return [
            place[:, None] + width[:, None] * noise
            for place, width in zip(self.location.T, scale.T, strict=True)
        ]

    @cached_property
    def cells(self) -> NDArray[np.float64]:
        """Probability of every cell, (CELLS, inputs)."""
        return cells(self.densities(), self.bounds)

    def distance(self, p: Densities) -> float:
        """Return the total variation from p, averaged over inputs; see `mixture_distance`."""
        return mixture_distance(cells(p, self.bounds), self.cells)


def cells(p: Densities, bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of every cell, (cells, inputs), the outer ones unbounded."""
    below = np.stack([p.distribution(bound) for bound in bounds])
    return np.diff(below, axis=0, prepend=0.0, append=1.0)


def mixture_distance(p: NDArray[np.float64], q: NDArray[np.float64]) -> float:
    """Return ½ Σ |p − q| over cells, (cells, inputs), averaged over inputs.

    It is ½∫|p − q| dy, exact in every cell in which the sign of p − q is constant; any other cell
    adds at most its probability under q to the error.
    """
    return float(0.5 * np.abs(p - q).sum(axis=0).mean())
