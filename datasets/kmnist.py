"""Kuzushiji-MNIST, cursive Japanese characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bdlbench import register
from bdlbench.data.idx import IdxFiles
from bdlbench.data.stored import Stored

FILES = IdxFiles(
    "KMNIST",
    ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
    {
        "train-images-idx3-ubyte.gz": "bdb82020997e1d708af4cf47b453dcf7",
        "train-labels-idx1-ubyte.gz": "e144d726b3acfaa3e44228e80efcd344",
        "t10k-images-idx3-ubyte.gz": "5c965bf0a639b31b8f53240b1b52f4d7",
        "t10k-labels-idx1-ubyte.gz": "7320c461ea6c1c855c0b718fb2a4b134",
    },
)


@register("kmnist")
@dataclass(frozen=True)
class KMNIST(Stored):
    """Ten cursive Japanese characters, 60,000 for training and 10,000 for testing, 28x28.

    Clanuwat et al. (2018), arXiv:1812.01718. Read from `KMNIST/raw`, or downloaded from the Center
    for Open Data in the Humanities.
    """

    files: ClassVar[IdxFiles] = FILES
