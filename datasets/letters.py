"""Letters A-J made like scikit-learn's digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PIL import Image

from bdlbench import register
from bdlbench.data.glyphs import block_counts, letter_bitmaps, upsample
from bdlbench.data.images import Images

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COPIES = 5  # of 220 glyphs: 1,100 images
SEED = 0
STROKE = 0.155  # of the height, chosen once so that the letters have as much ink as the digits
SPREAD = 0.1  # the digits were written with one kind of pen
# The digits fill the height of their 32x32 bitmaps and about this much of the width: the outer
# columns of blocks are all but empty.
WIDTH = 25


@register("letters")
@dataclass(frozen=True)
class Letters:
    """Letters A-J from matplotlib's fonts, through the steps that made scikit-learn's digits.

    32x32 bilevel bitmaps, size-normalised, the set pixels of 4x4 blocks counted
    (Alpaydin & Kaynak, 1998, doi:10.24432/C50P49), then upsampled as the digits are. Generated,
    nothing is read or downloaded.
    """

    splits: ClassVar[tuple[str, ...]] = ("test",)

    def load(self, split: str, folders: Sequence[Path]) -> Images:
        """Generate the letters: 1,100 images, labels 0-9 for A-J.

        Raises:
            ValueError: The split is not "test".
        """
        if split not in self.splits:
            raise ValueError(f"expected a split of {self.splits}, got {split!r}")
        bitmaps, labels = letter_bitmaps(COPIES, STROKE, SPREAD, SEED)
        counts = block_counts(np.stack([normalised(bitmap) for bitmap in bitmaps]))
        return Images(upsample(counts), labels)


def normalised(bitmap: Image.Image) -> NDArray[np.bool_]:
    """Stretch a bilevel image to 32 rows and at most `WIDTH` columns, centred in 32x32."""
    width = min(max(1, round(bitmap.width * 32 / bitmap.height)), WIDTH)
    grey = np.asarray(bitmap.resize((width, 32), Image.Resampling.BOX))
    image = np.zeros((32, 32), dtype=np.bool_)
    left = (32 - width) // 2
    image[:, left : left + width] = grey > 127
    return image
