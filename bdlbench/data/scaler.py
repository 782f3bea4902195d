"""Standardisation of images."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bdlbench.data.examples import Examples


@dataclass(frozen=True)
class Scaler:
    """Standardise pixels by the mean and standard deviation of the training pixels.

    OOD sets, too, are scaled by the training data: their own statistics would reveal them.

    Args:
        mean: Mean of the training pixels / 255.
        std: Their standard deviation.

    Raises:
        ValueError: The standard deviation is not positive.
    """

    mean: float
    std: float
    _table: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.std > 0:
            raise ValueError(
                f"expected a positive standard deviation of the pixels, got {self.std}"
            )
        table = ((np.arange(256) / 255 - self.mean) / self.std).astype(np.float32)
        object.__setattr__(self, "_table", table)

    @classmethod
    def fit(cls, images: Examples) -> Scaler:
        """Return the scaler of training images (population mean and standard deviation)."""
        pixels, count = images.x, images.x.size
        if count == 0:
            raise ValueError("expected at least one image to fit a scaler on, got none")
        # Integers are exact, and avoid a float64 copy of the images.
        total = int(pixels.sum(dtype=np.int64))
        squares = int(np.square(pixels, dtype=np.uint16).sum(dtype=np.int64))
        std = float(np.sqrt(count * squares - total**2)) / (255 * count)
        return cls(total / (255 * count), std)

    def __call__(self, images: Examples) -> NDArray[np.float32]:
        """Return the standardised pixels, shape (N, 28, 28)."""
        scaled: NDArray[np.float32] = self._table[images.x]
        return scaled
