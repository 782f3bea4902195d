"""MNIST, the handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bdlbench import register
from bdlbench.data.idx import IdxDataset

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bdlbench.data.images import Images


@register("mnist")
@dataclass(frozen=True)
class MNIST:
    """Handwritten digits, 60,000 for training and 10,000 for testing, 28x28.

    LeCun, Bottou, Bengio & Haffner (1998), doi:10.1109/5.726791. Read from `MNIST/raw`, downloaded
    from torchvision's mirrors if it is nowhere.
    """

    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    def load(self, split: str, folders: Sequence[Path]) -> Images:
        """Read a split: pixels 0 to 255, labels 0-9.

        Raises:
            ValueError: The split is neither "train" nor "test".
            DataError: A file is truncated, corrupt or foreign.
            DataMissing: A file is in no folder and cannot be downloaded.
        """
        if split not in self.splits:
            raise ValueError(f"expected a split of {self.splits}, got {split!r}")
        return IdxDataset(folders, train=split == "train").images()
