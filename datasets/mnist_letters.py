"""Letters A-J, generated like MNIST's digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from PIL import Image

from bdlbench import register
from bdlbench.data import parts
from bdlbench.data.examples import Examples
from bdlbench.data.glyphs import letter_bitmaps

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

COPIES = 9  # of 220 glyphs: 1,980 images
SEED = 0
# Chosen to match the stroke width and ink of MNIST: with a median stroke of 2.1 of 20 pixels, mean
# intensity and non-zero fraction distinguish these letters from MNIST's test digits with an AUROC
# of 0.52 and 0.46. The spread is slightly above that of MNIST's strokes, 0.26.
STROKE = 2.1 / 20
SPREAD = 0.3


@register("mnist-letters")
@dataclass(frozen=True)
class MNISTLetters:
    """Letters A-J from matplotlib's fonts, processed like MNIST.

    Bilevel letters, slightly rotated and sheared, are scaled to 20x20 with anti-aliasing and
    constant aspect ratio, and centred by their mass in 28x28 (LeCun et al., 1998,
    doi:10.1109/5.726791). Their strokes are as wide as MNIST's, so that neither mean intensity nor
    the fraction of non-zero pixels distinguishes the two. One in 44 is an I without serifs, which
    looks like a 1. Nothing is downloaded.
    """

    splits: ClassVar[tuple[str, ...]] = ("test",)

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Generate 1,980 images, with labels 0-9 for A-J.

        Raises:
            ValueError: The split is not "test".
        """
        parts.check_split(split, self.splits)
        bitmaps, labels = letter_bitmaps(COPIES, STROKE, SPREAD, SEED)
        return Examples(np.stack([like_mnist(bitmap) for bitmap in bitmaps]), labels, classes=10)


def like_mnist(bitmap: Image.Image) -> NDArray[np.uint8]:
    """Scale a bilevel image to fit 20x20, with anti-aliasing, and centre its mass in 28x28."""
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
