"""CIFAR-100, colour images of a hundred things."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bdlbench import register
from bdlbench.data.cifar import CifarFiles
from bdlbench.data.stored import Stored

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
class CIFAR100(Stored):
    """Colour images of a hundred things, 50,000 for training, 10,000 for testing, 3x32x32.

    Krizhevsky (2009), Learning multiple layers of features from tiny images: none of its classes is
    one of CIFAR-10. Read from `cifar-100-python` or `cifar-100-python.tar.gz`, as torchvision
    stores them, or downloaded from the author's page.
    """

    files: ClassVar[CifarFiles] = FILES
