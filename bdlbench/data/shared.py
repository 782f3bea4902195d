"""Keep decoded data sets in unnamed files, which the processes forked from this one share.

Not in memory, where a sampler could come upon test data.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence

import numpy as np

from bdlbench.data.images import Images

_FILES: dict[tuple[str, str], tuple[int, int]] = {}  # descriptor, and number of images


def put(split: str, name: str, images: Images) -> None:
    """Keep a data set."""
    with tempfile.TemporaryFile(prefix="bdlbench-data-") as file:
        file.write(np.ascontiguousarray(images.pixels).data)
        file.write(np.ascontiguousarray(images.labels).data)
        file.flush()
        _FILES[split, name] = os.dup(file.fileno()), len(images)


def content() -> tuple[tuple[tuple[str, str, int], ...], tuple[int, ...]]:
    """Return split, name and number of images of every data set, and the files they are in."""
    names = tuple((*key, count) for key, (_, count) in _FILES.items())
    return names, tuple(file for file, _ in _FILES.values())


def adopt(names: Sequence[tuple[str, str, int]], *files: int) -> None:
    """Keep these data sets alone, which another process has loaded, in files that are ours now."""
    clear()
    for (split, name, count), file in zip(names, files, strict=True):
        _FILES[split, name] = file, count


def clear() -> None:
    """Keep nothing any longer."""
    while _FILES:
        os.close(_FILES.popitem()[1][0])


def find(split: str, name: str) -> Images | None:
    """Return a data set, if it is here."""
    if (split, name) not in _FILES:
        return None
    file, count = _FILES[split, name]
    content = np.empty(count * (28 * 28 + 8), np.uint8)
    os.preadv(file, [content.data], 0)  # the position in the file is shared, too
    pixels, labels = np.split(content, [count * 28 * 28])
    return Images(pixels.reshape(count, 28, 28), labels.copy().view(np.int64))
