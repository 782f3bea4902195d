"""Decoded data sets, shared between the processes of runs in unnamed files.

They are not shared in memory, where a sampler could find test data.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bdlbench.data.examples import Examples

Key = tuple[str, str]  # split and name of a data set
MOST = 4  # tasks whose data is kept
_HEADER = 256  # bytes in front of the inputs: their type and shape, those of the targets, in JSON
_FILES: dict[Key, int] = {}  # descriptors


class Kept:
    """A data set in an unnamed file, which exists as long as this object.

    Attributes:
        descriptor: Descriptor of the file.
        count: Number of examples.
    """

    def __init__(self, examples: Examples) -> None:
        x, y = examples.x, examples.y
        self.count = len(x)
        header = {"x": x.dtype.name, "shape": x.shape, "y": y.dtype.name, "c": examples.classes}
        with tempfile.TemporaryFile(prefix="bdlbench-data-") as file:
            file.write(json.dumps(header).encode().ljust(_HEADER))
            file.write(np.ascontiguousarray(x).data)
            file.write(np.ascontiguousarray(y).data)
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
        found = {name: Kept(examples) for name, examples in loaded.items()}
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
    file = _FILES[split, name]
    header = _header(file)
    x = np.empty(header["shape"], header["x"])
    y = np.empty(len(x), header["y"])
    # Not `read`: processes share the position in the file.
    _fill(file, x, _HEADER)
    _fill(file, y, _HEADER + x.nbytes)
    return Examples(x, y, header["c"])


def count(split: str, name: str) -> int:
    """Return the number of examples in a shared data set; 0 if it is not shared."""
    file = _FILES.get((split, name))
    return 0 if file is None else int(_header(file)["shape"][0])


def _header(file: int) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(os.pread(file, _HEADER, 0))
    return header


def _fill(file: int, array: NDArray[Any], offset: int) -> None:
    """Read an array from a file; a single call reads at most 2 GiB."""
    rest = array.reshape(-1).view(np.uint8).data
    while rest:
        read = os.preadv(file, [rest], offset)
        if not read:
            raise EOFError("a shared data set is shorter than its header says")
        rest, offset = rest[read:], offset + read
