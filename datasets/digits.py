"""scikit-learn's handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bdlbench import register
from bdlbench.data import parts
from bdlbench.data.examples import Examples
from bdlbench.data.glyphs import upsample
from bdlbench.data.installed import sklearn_numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TRAIN = 1297


@register("digits")
@dataclass(frozen=True)
class Digits:
    """Handwritten digits of the UCI repository, 8x8, upsampled bilinearly to 28x28.

    The 1,797 images that scikit-learn ships (Alpaydin & Kaynak, 1998, doi:10.24432/C50P49): the
    first 1,297 for training, the last 500 for testing. They are not shuffled, since consecutive
    images are often by the same writer, who would then be in both splits. Nothing is downloaded.
    """

    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Load a split, with pixels 0 to 255 and labels 0-9.

        Raises:
            ValueError: The split is neither "train" nor "test".
        """
        parts.check_split(split, self.splits)
        table = sklearn_numbers("digits.csv.gz").astype(np.int64)
        rows = table[:TRAIN] if split == "train" else table[TRAIN:]
        counts = rows[:, :-1].reshape(-1, 8, 8).astype(np.uint8)
        return Examples(upsample(counts), rows[:, -1].copy(), classes=10)
