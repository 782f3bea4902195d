"""Data sets in MNIST's IDX format, read from folders or downloaded."""

from __future__ import annotations

import gzip
import math
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bdlbench.data.download import existing, obtain
from bdlbench.data.examples import Examples
from bdlbench.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

GZIP = b"\x1f\x8b"
CLASSES = 10
REMEDY = "delete it and run again, or set --data-dir"


@dataclass(frozen=True)
class IdxFiles:
    """Files of MNIST, or of a data set with the same layout.

    Files, gzipped or not, are searched in `<folder>/<name>/raw`, and otherwise downloaded to the
    first writable folder. Only downloads are verified by MD5, since valid local copies may be
    compressed differently.

    Args:
        name: Name of the folder.
        mirrors: Base URLs, tried in order.
        md5: MD5 of every gzipped file, by file name.
    """

    name: str
    mirrors: tuple[str, ...]
    md5: Mapping[str, str]

    def read(self, split: str, folders: Sequence[Path]) -> Examples:
        """Return all images and labels of a split, "train" or "test".

        Raises:
            DataError: A file is truncated, corrupt or of another format.
            DataMissing: A file was not found and cannot be downloaded.
            ValueError: No folder is given.
        """
        prefix = "train" if split == "train" else "t10k"
        images = self._locate(f"{prefix}-images-idx3-ubyte", folders)
        labels = self._locate(f"{prefix}-labels-idx1-ubyte", folders)
        pixels, targets = read_idx(images, (28, 28)), read_idx(labels, ())
        if len(pixels) != len(targets):
            raise DataError(
                f"{labels}: expected {len(pixels)} labels, one for each image in {images}, "
                f"got {len(targets)}; delete the wrong one of the two and run again"
            )
        if (top := targets.max(initial=0)) >= CLASSES:
            raise DataError(f"{labels}: expected labels below {CLASSES}, got {top}; {REMEDY}")
        return Examples(pixels, targets.astype(np.int64), classes=CLASSES)

    def _locate(self, file: str, folders: Sequence[Path]) -> Path:
        packed = f"{file}.gz"
        urls = [mirror + packed for mirror in self.mirrors]
        places = [f"{self.name}/raw/{file}", f"{self.name}/raw/{packed}"]
        return obtain(self.name, places, urls, self.md5[packed], folders)

    def missing(self, folders: Sequence[Path]) -> list[str]:
        """Return the names of the files that are in none of the folders."""
        raw = f"{self.name}/raw"
        return [
            file
            for file in self.md5
            if existing([f"{raw}/{file.removesuffix('.gz')}", f"{raw}/{file}"], folders) is None
        ]


def read_idx(path: Path, item: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, gzipped or not.

    Args:
        path: Path of the file; compression is detected from its first bytes, not from its name.
        item: Expected shape of one entry: (28, 28) for images, () for labels.

    Returns:
        Writable array of shape (N, *item).

    Raises:
        DataError: The file cannot be read, is corrupt, or has another format or shape.
    """
    content = _unpack(path)
    dims = 1 + len(item)
    # Header: two zeros, 8 for unsigned bytes, the number of dimensions, then the dimensions (>u4).
    if content[:4] != bytes((0, 0, 8, dims)) or len(content) < 4 + 4 * dims:
        expected = f"an IDX file in {dims} dimensions (00 00 08 0{dims})"
        got = content[:4].hex(" ") or "an empty file"
        raise DataError(f"{path}: expected {expected}, got {got} ({len(content)} bytes); {REMEDY}")
    shape = tuple(np.frombuffer(content, ">u4", dims, offset=4).tolist())
    if shape[1:] != item:
        raise DataError(f"{path}: expected entries of shape {item}, got {shape[1:]}; {REMEDY}")
    expected_size, size = math.prod(shape), len(content) - 4 - 4 * dims
    if size != expected_size:
        what = f"{expected_size} bytes after the header, for shape {shape}"
        raise DataError(f"{path}: expected {what}, got {size}; {REMEDY}")
    return np.frombuffer(bytearray(content), np.uint8, offset=4 + 4 * dims).reshape(shape)


def _unpack(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if content[:2] == GZIP else content
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: expected a complete gzip file, got {error}; {REMEDY}") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}; {REMEDY}") from error
