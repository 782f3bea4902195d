"""SVHN, house numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from bdlbench import register
from bdlbench.data import parts
from bdlbench.data.download import obtain
from bdlbench.data.examples import Examples
from bdlbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILE = "test_32x32.mat"
URLS = (f"http://ufldl.stanford.edu/housenumbers/{FILE}",)
MD5 = "eb5a983be6a315427106f1b164d9cef3"


@register("svhn")
@dataclass(frozen=True)
class SVHN:
    """Colour images of digits on houses, 26,032 for testing, 3x32x32: an OOD set for CIFAR-10.

    Netzer et al. (2011), Reading digits in natural images with unsupervised feature learning. Read
    from `test_32x32.mat`, also in a folder `SVHN`, or downloaded from the authors' page.
    """

    splits: ClassVar[tuple[str, ...]] = ("test",)

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Load the test images, shape (n, 3, 32, 32), with pixels 0 to 255 and labels 0-9.

        Raises:
            ValueError: The split is not "test".
            DataError: The file is truncated, corrupt or of another format.
            DataMissing: The file was not found and cannot be downloaded.
        """
        parts.check_split(split, self.splits)
        from scipy.io import loadmat

        path = obtain("SVHN", [FILE, f"SVHN/{FILE}"], URLS, MD5, folders)
        try:
            content = loadmat(path)
            pixels = np.ascontiguousarray(content["X"].transpose(3, 2, 0, 1))
            labels = content["y"].ravel().astype(np.int64) % 10  # 10 stands for the digit 0
            return Examples(pixels, labels, classes=10)
        except Exception as error:  # whatever a corrupt file may raise
            raise DataError(
                f"{path}: expected SVHN's images ({error}); delete it and run again"
            ) from error
