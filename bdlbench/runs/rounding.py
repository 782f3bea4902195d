"""Compare numbers across processors, with tolerances for the rounding of sums."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT32, FLOAT64 = 2.0**-24, 2.0**-53  # unit roundoff
SAFETY = 16  # allowed standard deviations of a sum of independent rounding errors
SAMPLED = 16  # numbers stored per array


@dataclass(frozen=True)
class Summary:
    """The stored summary of a golden.

    Args:
        shape: Shape of the array.
        tolerance: As in `Golden`.
        sample: Evenly spaced numbers of the array.
        sum: Sum over all numbers, with random signs.
    """

    shape: list[int]
    tolerance: float
    sample: list[float]
    sum: float

    def difference(self, found: Summary) -> str:
        """Describe how the actual array differs; empty if it does not."""
        if found.shape != self.shape:
            return f"expected shape {self.shape}, got {found.shape}"
        size, tolerance = int(np.prod(self.shape)), self.tolerance
        for i, expected, actual in zip(_indices(size), self.sample, found.sample, strict=True):
            if not abs(actual - expected) <= tolerance:
                return f"number {i}: expected {expected!r} ± {tolerance:.2g}, got {actual!r}"
        tolerance *= size**0.5
        if not abs(found.sum - self.sum) <= tolerance:
            return f"signed sum: expected {self.sum!r} ± {tolerance:.2g}, got {found.sum!r}"
        return ""


@dataclass(frozen=True, eq=False)
class Golden:
    """An array, and by how much processors may differ in it.

    Args:
        values: Array of any shape.
        tolerance: Largest difference between processors; 0 for integers and exact computations.
        bits: Whether the array must be bitwise identical in the same environment; not required of
            metrics, which are always compared within their tolerance.
    """

    values: NDArray[Any]
    tolerance: float
    bits: bool = True

    def summary(self) -> Summary:
        """Return the summary to store."""
        values = self.values.astype(np.float64).ravel()
        signs = np.random.default_rng(values.size).integers(0, 2, values.size) * 2 - 1
        sample = values[_indices(values.size)].tolist()
        return Summary(list(self.values.shape), self.tolerance, sample, float(signs @ values))

    def digest(self) -> str:
        """Return a digest of all bits."""
        values = np.ascontiguousarray(self.values)
        return hashlib.sha256(f"{values.dtype}".encode() + values.tobytes()).hexdigest()[:16]


def rounded(values: object, terms: int, unit: float = FLOAT32) -> Golden:
    """Return a golden with a tolerance for sums of `terms` terms as large as the largest number.

    Independent rounding errors grow with √terms; `SAFETY` standard deviations are allowed.
    """
    array = np.asarray(values)
    scale = float(np.abs(array).max(initial=0))
    return Golden(array, SAFETY * unit * terms**0.5 * max(scale, 1e-30))


def unrounded(values: object) -> Golden:
    """Return a golden without tolerance."""
    return Golden(np.asarray(values), 0.0)


def _indices(size: int) -> list[int]:
    evenly = np.linspace(0, size - 1, min(size, SAMPLED)).round()
    return [int(i) for i in np.unique(evenly)]
