"""Standardisation of inputs and of real targets by the training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bdlbench.data.examples import Examples

LEVELS = 256  # of a pixel


@dataclass(frozen=True, eq=False)
class Scaler:
    """Standardise inputs and real targets by mean and standard deviation of the training data.

    Tables are scaled by column, images with channels by channel, all other inputs by one mean and
    one standard deviation. Tokens stay as they are. Other sets, too, are scaled by the training
    data: their own statistics would reveal them.

    Args:
        mean: Mean of the training inputs, of pixels / 255; shape () or (columns or channels,).
        std: Their standard deviation (of the population), likewise; infinite where an input is
            constant, which becomes 0.
        target_mean: Mean of real training targets, in their units; 0 for classes.
        target_std: Their standard deviation (of the population), in their units; 1 for classes.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]
    target_mean: float = 0.0
    target_std: float = 1.0

    @classmethod
    def fit(cls, examples: Examples) -> Scaler:
        """Return the scaler of training examples.

        Raises:
            ValueError: There are none, or all inputs or targets are equal.
        """
        if examples.x.size == 0:
            raise ValueError("expected at least one example to fit a scaler on, got none")
        mean, std = _moments(examples.x)
        if examples.x.dtype != np.int64 and np.isinf(std).all():
            raise ValueError("expected training inputs that differ, got equal ones")
        if not examples.real:
            return cls(mean, std)
        if np.ptp(examples.y) == 0:
            raise ValueError(f"expected training targets that differ, all are {examples.y[0]:g}")
        return cls(mean, std, float(examples.y.mean()), float(examples.y.std()))

    def __call__(self, examples: Examples) -> NDArray[Any]:
        """Return the standardised inputs, float32, or tokens unchanged, int64."""
        x = examples.x
        if x.dtype == np.int64:
            return x
        by_column = (-1, *(1 for _ in x.shape[2:]))
        mean, std = (
            part.reshape(by_column) if part.ndim else part for part in (self.mean, self.std)
        )
        if x.dtype != np.uint8:
            scaled: NDArray[np.float32] = ((x - mean) / std).astype(np.float32)
            return scaled
        levels = np.arange(LEVELS) / (LEVELS - 1)
        table = ((levels - self.mean[..., None]) / self.std[..., None]).astype(np.float32)
        if table.ndim == 1:
            grey: NDArray[np.float32] = table[x]
            return grey
        columns = np.arange(len(table)).reshape(by_column)
        coloured: NDArray[np.float32] = table[columns, x]
        return coloured

    def targets(self, examples: Examples) -> NDArray[Any]:
        """Return the standardised real targets, float32, or a copy of the class numbers, int64."""
        if not examples.real:
            return examples.y.copy()
        scaled = (examples.y - self.target_mean) / self.target_std
        return scaled.astype(np.float32)


def _moments(x: NDArray[np.generic]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and standard deviation of inputs, the latter infinite where it is zero."""
    axes = {2: (0,), 4: (0, 2, 3)}.get(x.ndim, tuple(range(x.ndim)))
    if x.dtype == np.int64:
        return np.zeros(()), np.ones(())
    if x.dtype == np.uint8:
        # Integers are exact, those of Python of any size, and need no float64 copy of the images.
        count = x.size // (x.shape[1] if len(axes) < x.ndim else 1)
        scale = (LEVELS - 1) * count
        total = x.sum(axis=axes, dtype=np.int64)
        squares = np.square(x, dtype=np.uint16).sum(axis=axes, dtype=np.int64)
        spread = count * squares.astype(object) - total.astype(object) ** 2
        mean, std = total / scale, np.sqrt(np.asarray(spread, np.float64)) / scale
    else:
        mean, std = x.mean(axis=axes, dtype=np.float64), x.std(axis=axes, dtype=np.float64)
    constant = x.max(axis=axes) == x.min(axis=axes)
    return np.asarray(mean), np.where(constant, np.inf, std)
