"""Fashion-MNIST, articles of clothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bdlbench import register
from bdlbench.data.idx import IdxFiles
from bdlbench.data.stored import Stored

FILES = IdxFiles(
    "FashionMNIST",
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    {
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
)


@register("fashion-mnist")
@dataclass(frozen=True)
class FashionMNIST(Stored):
    """Grey images of ten articles of clothing, 60,000 for training and 10,000 for testing, 28x28.

    Xiao, Rasul & Vollgraf (2017), arXiv:1708.07747. Read from `FashionMNIST/raw`, or downloaded
    from the authors' mirrors.
    """

    files: ClassVar[IdxFiles] = FILES
