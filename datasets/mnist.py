"""MNIST, handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bdlbench import register
from bdlbench.data.idx import IdxFiles
from bdlbench.data.stored import Stored

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
class MNIST(Stored):
    """Handwritten digits, 60,000 for training and 10,000 for testing, 28x28.

    LeCun, Bottou, Bengio & Haffner (1998), doi:10.1109/5.726791. Read from `MNIST/raw`, or
    downloaded from torchvision's mirrors.
    """

    files: ClassVar[IdxFiles] = FILES
