"""CIFAR-10, colour images of ten things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bdlbench import register
from bdlbench.data.cifar import CifarFiles
from bdlbench.data.stored import Stored

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
class CIFAR10(Stored):
    """Colour images of ten animals and vehicles, 50,000 for training, 10,000 for testing, 3x32x32.

    Krizhevsky (2009), Learning multiple layers of features from tiny images. Read from
    `cifar-10-batches-py` or `cifar-10-python.tar.gz`, as torchvision stores them, or downloaded
    from the author's page.
    """

    files: ClassVar[CifarFiles] = FILES
