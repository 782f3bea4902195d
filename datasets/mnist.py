"""MNIST, handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bdlbench import register
from bdlbench.data import parts
from bdlbench.data.idx import IdxFiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bdlbench.data.examples import Examples

FILES = IdxFiles(
    "MNIST",
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
    {
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
)


@register("mnist")
@dataclass(frozen=True)
class MNIST:
    """Handwritten digits, 60,000 for training and 10,000 for testing, 28x28.

    LeCun, Bottou, Bengio & Haffner (1998), doi:10.1109/5.726791. Read from `MNIST/raw`, or
    downloaded from torchvision's mirrors.
    """

    files: ClassVar[IdxFiles] = FILES
    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Load a split, with pixels 0 to 255 and labels 0-9.

        Raises:
            ValueError: The split is neither "train" nor "test".
            DataError: A file is truncated, corrupt or of another format.
            DataMissing: A file was not found and cannot be downloaded.
        """
        parts.check_split(split, self.splits)
        return FILES.read(split, folders)
