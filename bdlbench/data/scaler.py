"""Standardize images."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bdlbench.data.images import Images


@dataclass(frozen=True)
class Scaler:
    """Standardise pixels by the mean and standard deviation of the training pixels.

    Every data set a network sees, out-of-distribution ones included, goes through the scaler of its
    training data: scaled by its own statistics, a data set would tell the network what it is.

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
    def fit(cls, images: Images) -> Scaler:
        """Measure the training images (population mean and standard deviation)."""
        pixels, count = images.pixels, images.pixels.size
        if count == 0:
            raise ValueError("expected at least one image to fit a scaler on, got none")
        # In whole numbers: exact, and no copy of 60,000 images in float64.
        total = int(pixels.sum(dtype=np.int64))
        squares = int(np.square(pixels, dtype=np.uint16).sum(dtype=np.int64))
        std = float(np.sqrt(count * squares - total**2)) / (255 * count)
        return cls(total / (255 * count), std)

    def __call__(self, images: Images) -> NDArray[np.float32]:
        """Return the standardised pixels, shape (N, 28, 28)."""
        return self._table[images.pixels]
