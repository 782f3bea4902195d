"""CIFAR-100, colour images of a hundred things."""

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
    folder="cifar-100-python",
    archive="cifar-100-python.tar.gz",
    checksum="eb9058c3a382ffc7106e4002c42a8d85",
    batches={"train": ["train"], "test": ["test"]},
    labels=b"fine_labels",
    classes=100,
)


@register("cifar100")
@dataclass(frozen=True)
class CIFAR100:
    """Colour images of a hundred things, 50,000 for training, 10,000 for testing, 3x32x32.

    Krizhevsky (2009), Learning multiple layers of features from tiny images: none of its classes is
    one of CIFAR-10. Read from `cifar-100-python` or `cifar-100-python.tar.gz`, as torchvision
    stores them, or downloaded from the author's page.
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
