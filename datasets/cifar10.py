"""CIFAR-10, colour images of ten things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bdlbench import register
from bdlbench.data import parts
from bdlbench.data.cifar import CifarFiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bdlbench.data.examples import Examples

FILES = CifarFiles(
    folder="cifar-10-batches-py",
    archive="cifar-10-python.tar.gz",
    checksum="c58f30108f718f92721af3b95e74349a",
    batches={"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]},
    labels=b"labels",
    classes=10,
)


@register("cifar10")
@dataclass(frozen=True)
class CIFAR10:
    """Colour images of ten animals and vehicles, 50,000 for training, 10,000 for testing, 3x32x32.

    Krizhevsky (2009), Learning multiple layers of features from tiny images. Read from
    `cifar-10-batches-py` or `cifar-10-python.tar.gz`, as torchvision stores them, or downloaded
    from the author's page.
    """

    files: ClassVar[CifarFiles] = FILES
    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Load a split, shape (n, 3, 32, 32), with pixels 0 to 255 and labels from 0.

        Raises:
            ValueError: The split is neither "train" nor "test".
            DataError: A file is truncated, corrupt or of another format.
            DataMissing: The archive was not found and cannot be downloaded.
        """
        parts.check_split(split, self.splits)
        return FILES.read(split, folders)
