"""Labelled images, and the folders that are searched for data."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bdlbench.errors import DataError
from bdlbench.storage.locations import user_cache

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLASSES = 10


@dataclass(frozen=True, eq=False)
class Images:
    """Labelled 28x28 images.

    Args:
        pixels: Shape (N, 28, 28); 0 is background.
        labels: Shape (N,), 0 to 9.

    Raises:
        ValueError: A shape, dtype or label is invalid.
    """

    pixels: NDArray[np.uint8]
    labels: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.shape[1:] != (28, 28):
            raise ValueError(f"expected uint8 pixels (N, 28, 28), got {_describe(self.pixels)}")
        if self.labels.dtype != np.int64 or self.labels.shape != self.pixels.shape[:1]:
            expected = f"int64 labels ({len(self.pixels)},)"
            raise ValueError(f"expected {expected}, got {_describe(self.labels)}")
        if np.any((self.labels < 0) | (self.labels >= CLASSES)):
            low, high = self.labels.min(), self.labels.max()
            raise ValueError(f"expected labels 0 to {CLASSES - 1}, got {low} to {high}")

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Images:
        return Images(self.pixels[rows], self.labels[rows])

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of pixels, labels and shape, independent of the compression of the files."""
        digest = hashlib.sha256(np.ascontiguousarray(self.pixels).data)
        digest.update(np.ascontiguousarray(self.labels, dtype="<i8").data)
        digest.update(repr(self.pixels.shape).encode())
        return digest.hexdigest()


def search_folders(data_dir: Path | None = None) -> tuple[Path, ...]:
    """Return the folders to search for data: `data_dir`, $BDLBENCH_DATA, and the user's cache.

    Without a home directory, a temporary folder takes the place of the cache.

    Args:
        data_dir: The folder given with --data-dir.

    Raises:
        DataError: `data_dir` or $BDLBENCH_DATA is not a folder.
    """
    named = [("--data-dir", data_dir), ("BDLBENCH_DATA", os.environ.get("BDLBENCH_DATA") or None)]
    folders = []
    for source, given in named:
        if given is None:
            continue
        folder = Path(given).expanduser()
        if not folder.is_dir():
            raise DataError(
                f"expected {source} to name a folder, got {folder}; create it or name another"
            )
        folders.append(folder)
    own = user_cache() or Path(tempfile.gettempdir()) / f"bdlbench-{os.getuid()}"
    return (*folders, own)


def split_validation(images: Images) -> tuple[Images, Images]:
    """Split off the last 10 % as validation data; return (training, validation).

    Raises:
        ValueError: There are fewer than 10 images.
    """
    size = len(images) // 10
    if size == 0:
        raise ValueError(f"expected at least 10 images to split, got {len(images)}")
    return images[:-size], images[-size:]


def _describe(array: NDArray[np.generic]) -> str:
    return f"{array.dtype} {array.shape}"
