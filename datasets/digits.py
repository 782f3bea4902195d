"""scikit-learn's handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from sklearn.datasets import load_digits

from bdlbench import register
from bdlbench.data import Images
from bdlbench.glyphs import upsample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TRAIN = 1297


@register("digits")
@dataclass(frozen=True)
class Digits:
    """Handwritten digits of the UCI repository, 8x8, upsampled bilinearly to 28x28.

    The 1,797 images that scikit-learn ships (Alpaydin & Kaynak, 1998, doi:10.24432/C50P49): the
    first 1,297 are for training, the last 500 for testing. The order is kept, because neighbours
    are often by the same writer: a shuffled split would test on the hands it was trained on. No
    image is in both splits. Nothing is downloaded.
    """

    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    def load(self, split: str, folders: Sequence[Path]) -> Images:
        """Load a split: pixels 0 to 255, labels 0-9.

        Raises:
            ValueError: The split is neither "train" nor "test".
        """
        if split not in self.splits:
            raise ValueError(f"expected a split of {self.splits}, got {split!r}")
        digits = load_digits()
        rows = slice(TRAIN) if split == "train" else slice(TRAIN, None)
        counts = digits.images[rows].astype(np.uint8)
        return Images(upsample(counts), digits.target[rows].astype(np.int64))
