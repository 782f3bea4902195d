"""Decoded data sets, shared between the processes of runs in unnamed files.

They are not shared in memory, where a sampler could find test data.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping

import numpy as np

from bdlbench.data.examples import Examples

Key = tuple[str, str]  # split and name of a data set
MOST = 4  # tasks whose data is kept
_BYTES = 28 * 28 + 8  # per image and label
_FILES: dict[Key, int] = {}  # descriptors


class Kept:
    """A data set in an unnamed file, which exists as long as this object."""

    def __init__(self, images: Examples) -> None:
        with tempfile.TemporaryFile(prefix="bdlbench-data-") as file:
            file.write(np.ascontiguousarray(images.x).data)
            file.write(np.ascontiguousarray(images.y).data)
            file.flush()
            self.descriptor = os.dup(file.fileno())

    def __del__(self) -> None:
        os.close(self.descriptor)


_KEPT: dict[frozenset[tuple[str, str]], dict[Key, Kept]] = {}  # by the digests of what is used


def keep(digests: Mapping[str, str], loaded: Mapping[Key, Examples]) -> dict[Key, Kept]:
    """Keep the data sets of a task for the processes of its runs, and return them.

    Args:
        digests: SHA-256 of the training and evaluation sets, by name: they are found by these, so
            that no run is given other data than what it was planned with.
        loaded: The data sets, by split and name.
    """
    key = frozenset(digests.items())
    if (found := _KEPT.pop(key, None)) is None:
        found = {name: Kept(images) for name, images in loaded.items()}
    _KEPT[key] = found  # the last
    for oldest in list(_KEPT)[:-MOST]:
        del _KEPT[oldest]
    return found


def kept(digests: Mapping[str, str]) -> dict[Key, Kept] | None:
    """Return the data sets of a task, or None if they are not kept."""
    return _KEPT.get(frozenset(digests.items()))


def adopt(files: Mapping[Key, int]) -> None:
    """Register descriptors of shared data sets, by split and name, for `find`."""
    _FILES.update(files)


def find(split: str, name: str) -> Examples | None:
    """Return a shared data set, or None."""
    if (split, name) not in _FILES:
        return None
    size = count(split, name)
    content = np.empty(size * _BYTES, np.uint8)
    # Not `read`: processes share the position in the file.
    os.preadv(_FILES[split, name], [content.data], 0)
    pixels, labels = np.split(content, [size * 28 * 28])
    return Examples(pixels.reshape(size, 28, 28), labels.copy().view(np.int64), 10)


def count(split: str, name: str) -> int:
    """Return the number of images in a shared data set; 0 if it is not shared."""
    file = _FILES.get((split, name))
    return 0 if file is None else os.fstat(file).st_size // _BYTES
