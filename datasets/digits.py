"""scikit-learn's handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bdlbench import register
from bdlbench.data.examples import Examples
from bdlbench.data.glyphs import upsample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

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
        if split not in self.splits:
            raise ValueError(f"expected a split of {self.splits}, got {split!r}")
        rows = _table()[:TRAIN] if split == "train" else _table()[TRAIN:]
        counts = rows[:, :-1].reshape(-1, 8, 8).astype(np.uint8)
        return Examples(upsample(counts), rows[:, -1].copy(), classes=10)


def _table() -> NDArray[np.int64]:
    """Return 64 counts and the label of every image, like `sklearn.datasets.load_digits`.

    Importing `sklearn.datasets` instead would take as long as a small run.
    """
    spec = find_spec("sklearn")
    assert spec is not None, "scikit-learn is installed with bdlbench"
    assert spec.origin is not None
    file = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    return np.loadtxt(file, np.int64, delimiter=",")
