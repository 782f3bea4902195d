"""Letters A-J, generated like scikit-learn's digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PIL import Image

from bdlbench import register
from bdlbench.data import parts
from bdlbench.data.examples import Examples
from bdlbench.data.glyphs import block_counts, letter_bitmaps, upsample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COPIES = 5  # of 220 glyphs: 1,100 images
SEED = 0
STROKE = 0.155  # of the height, chosen to match the mean intensity of the digits
SPREAD = 0.1  # small, since the digits were all written with one kind of pen
WIDTH = 25  # of the digits, which fill the height of their 32x32 bitmaps but not the width


@register("letters")
@dataclass(frozen=True)
class Letters:
    """Letters A-J from matplotlib's fonts, processed like scikit-learn's digits.

    The set pixels of 4x4 blocks of size-normalised 32x32 bitmaps are counted (Alpaydin & Kaynak,
    1998, doi:10.24432/C50P49), then upsampled like the digits. Nothing is downloaded.
    """

    splits: ClassVar[tuple[str, ...]] = ("test",)

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Generate 1,100 images, with labels 0-9 for A-J.

        Raises:
            ValueError: The split is not "test".
        """
        parts.check_split(split, self.splits)
        bitmaps, labels = letter_bitmaps(COPIES, STROKE, SPREAD, SEED)
        counts = block_counts(np.stack([normalised(bitmap) for bitmap in bitmaps]))
        return Examples(upsample(counts), labels, classes=10)


def normalised(bitmap: Image.Image) -> NDArray[np.bool_]:
    """Scale a bilevel image to 32 rows and at most `WIDTH` columns, centred in 32x32."""
    width = min(max(1, round(bitmap.width * 32 / bitmap.height)), WIDTH)
    grey = np.asarray(bitmap.resize((width, 32), Image.Resampling.BOX))
    image = np.zeros((32, 32), dtype=np.bool_)
    left = (32 - width) // 2
    image[:, left : left + width] = grey > 127
    return image
