"""Letters A-J drawn like MNIST's digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PIL import Image

from bdlbench import register
from bdlbench.data.glyphs import letter_bitmaps
from bdlbench.data.images import Images

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COPIES = 9  # of 220 glyphs: 1,980 images
SEED = 0
# Chosen once so that stroke width and ink are MNIST's: with a median stroke of 2.1 of 20 pixels,
# mean intensity and non-zero fraction tell these letters from MNIST's test digits with an AUROC of
# 0.52 and 0.46. The spread is that of MNIST's strokes, 0.26, and some more for the other shapes.
STROKE = 2.1 / 20
SPREAD = 0.3


@register("mnist-letters")
@dataclass(frozen=True)
class MNISTLetters:
    """Letters A-J from matplotlib's fonts, put through the steps that made MNIST.

    Bilevel letters, slightly turned and sheared, are fitted into 20x20 keeping their aspect ratio,
    which anti-aliases them, and centred by their mass in 28x28 (LeCun et al., 1998,
    doi:10.1109/5.726791). Their strokes are as wide as MNIST's, so that neither mean intensity nor
    the fraction of non-zero pixels tells the two apart. One in 44 is an I without serifs, a plain
    stroke that cannot be distinguished from a 1. Generated; nothing is read or downloaded.
    """

    splits: ClassVar[tuple[str, ...]] = ("test",)

    def load(self, split: str, folders: Sequence[Path]) -> Images:
        """Generate the letters: 1,980 images, labels 0-9 for A-J.

        Raises:
            ValueError: The split is not "test".
        """
        if split not in self.splits:
            raise ValueError(f"expected a split of {self.splits}, got {split!r}")
        bitmaps, labels = letter_bitmaps(COPIES, STROKE, SPREAD, SEED)
        return Images(np.stack([like_mnist(bitmap) for bitmap in bitmaps]), labels)


def like_mnist(bitmap: Image.Image) -> NDArray[np.uint8]:
    """Fit a bilevel image into 20x20, anti-aliased, and centre its mass in 28x28."""
    scale = 20 / max(bitmap.size)
    size = (max(1, round(bitmap.width * scale)), max(1, round(bitmap.height * scale)))
    ink = np.asarray(bitmap.resize(size, Image.Resampling.BOX))
    image = np.zeros((28, 28), dtype=np.uint8)
    top, left = (_start(ink.sum(axis=axis, dtype=np.float64)) for axis in (1, 0))
    image[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    return image


def _start(profile: NDArray[np.float64]) -> int:
    centre = profile @ np.arange(len(profile)) / profile.sum()
    return int(np.clip(round(13.5 - centre), 0, 28 - len(profile)))
