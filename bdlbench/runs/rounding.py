"""Compare numbers from two processors, within a tolerance derived from the number of terms."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FLOAT32, FLOAT64 = 2.0**-24, 2.0**-53  # rounding of one operation, relative
SAFETY = 16  # standard deviations of a sum of independent roundings
SAMPLED = 16  # of an array's numbers are kept, and one sum over all of them


@dataclass(frozen=True)
class Summary:
    """The stored summary of an array.

    Args:
        shape: Of the array.
        tolerance: As of the golden.
        sample: Some of its numbers.
        sum: Over all of them, with random signs.
    """

    shape: list[int]
    tolerance: float
    sample: list[float]
    sum: float

    def difference(self, found: Summary) -> str:
        """Describe how the actual array differs; empty if it does not."""
        if found.shape != self.shape:
            return f"shape {found.shape} in place of {self.shape}"
        size, most = int(np.prod(self.shape)), f"(at most {self.tolerance:.2g})"
        for place, was, now in zip(_places(size), self.sample, found.sample, strict=True):
            if not abs(now - was) <= self.tolerance:
                return f"number {place} moved from {was!r} to {now!r} {most}"
        was, now, spread = self.sum, found.sum, self.tolerance * size**0.5
        if not abs(now - was) <= spread:
            return f"the sum with signs moved from {was!r} to {now!r} (at most {spread:.2g})"
        return ""


@dataclass(frozen=True, eq=False)
class Golden:
    """An array of numbers, and by how much two processors may differ in it.

    Args:
        values: Of any shape.
        tolerance: Largest difference to the same numbers from another processor; 0 for integers
            and for what is computed without rounding.
        bits: Whether all bits must be the same on an equal machine. Not of scores: a record's are
            compared within their tolerance on every processor.
    """

    values: NDArray[Any]
    tolerance: float
    bits: bool = True

    def summary(self) -> Summary:
        """Return the summary to store."""
        values = self.values.astype(np.float64).ravel()
        signs = np.random.default_rng(values.size).integers(0, 2, values.size) * 2 - 1
        sample = values[_places(values.size)].tolist()
        return Summary(list(self.values.shape), self.tolerance, sample, float(signs @ values))

    def digest(self) -> str:
        """Return a digest of all bits."""
        values = np.ascontiguousarray(self.values)
        return hashlib.sha256(f"{values.dtype}".encode() + values.tobytes()).hexdigest()[:16]


def rounded(values: object, terms: int, unit: float = FLOAT32) -> Golden:
    """Return a golden with the tolerance of sums of so many terms as large as the largest number.

    Independent roundings add up to √terms of one; `SAFETY` standard deviations are allowed.
    """
    array = np.asarray(values)
    scale = float(np.abs(array).max(initial=0))
    return Golden(array, SAFETY * unit * terms**0.5 * max(scale, 1e-30))


def unrounded(values: object) -> Golden:
    """Return a golden without tolerance."""
    return Golden(np.asarray(values), 0.0)


def _places(size: int) -> list[int]:
    spread = np.linspace(0, size - 1, min(size, SAMPLED)).round()
    return [int(place) for place in np.unique(spread)]
