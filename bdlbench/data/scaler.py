"""Standardisation of images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

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

    mean: Any
    std: Any
    target_mean: float = 0.0
    target_std: float = 1.0
    _table: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        pass

    @classmethod
    def fit(cls, images: Examples) -> Scaler:
        """Interim: replaced by the data part."""
        mean, std = 0.0, 1.0
        if images.real:
            mean, std = float(images.y.mean()), float(images.y.std())
        if images.x.dtype != np.uint8:
            m, s = images.x.mean(0), images.x.std(0)
            return cls(m, np.where(s > 0, s, 1), mean, std)
        pixels, count = images.x, images.x.size
        total = int(pixels.sum(dtype=np.int64))
        squares = int(np.square(pixels, dtype=np.uint16).sum(dtype=np.int64))
        return cls(
            total / (255 * count),
            float(np.sqrt(count * squares - total**2)) / (255 * count),
            mean,
            std,
        )

    def __call__(self, images: Examples) -> Any:
        if images.x.dtype == np.uint8:
            table = ((np.arange(256) / 255 - self.mean) / self.std).astype(np.float32)
            return table[images.x]
        return ((images.x - self.mean) / self.std).astype(np.float32)

    def targets(self, examples: Examples) -> Any:
        if examples.real:
            return ((examples.y - self.target_mean) / self.target_std).astype(np.float32)
        return examples.y
