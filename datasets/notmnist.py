"""notMNIST, letters A-J from fonts on the web."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from bdlbench import register
from bdlbench.data.idx import IdxFiles
from bdlbench.data.stored import Stored

FILES = IdxFiles(
    "notMNIST",
    (
        "https://raw.githubusercontent.com/davidflanagan/notMNIST-to-MNIST/master/",
        "https://github.com/davidflanagan/notMNIST-to-MNIST/raw/master/",
    ),
    {
        "t10k-images-idx3-ubyte.gz": "2c87c839a4ef9b238846600eec8c35b7",
        "t10k-labels-idx1-ubyte.gz": "7ea9118cbafd0f6e3ee2ad771d782a01",
    },
)


@register("notmnist")
@dataclass(frozen=True)
class NotMNIST(Stored):
    """Letters A-J from fonts on the web, 10,000 for testing, 28x28.

    Bulatov (2011), yaroslavvb.blogspot.com/2011/09/notmnist-dataset.html, converted to MNIST's
    format by davidflanagan/notMNIST-to-MNIST. 196 images are exact duplicates, and the fraction of
    non-zero pixels alone distinguishes it from MNIST with AUROC 0.9993: compare scores with the
    controls. Read from `notMNIST/raw`, or downloaded from GitHub.
    """

    files: ClassVar[IdxFiles] = FILES
    splits: ClassVar[tuple[str, ...]] = ("test",)
