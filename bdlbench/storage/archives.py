"""Read arrays from untrusted .npz archives, without unpickling."""

from __future__ import annotations

import io
import math
import zipfile
from typing import IO, TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_ARRAYS = 1000
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_KINDS = "fiu"  # floats and integers; an object array is a pickle


def read_arrays(content: bytes, most: int) -> dict[str, NDArray[Any]]:
    """Return the arrays of an archive by name, without ``.npy``.

    The declared sizes of its entries, and the shapes in their headers, are checked before memory is
    allocated for them.

    Args:
        content: Content of the file.
        most: Maximum size when unpacked, in bytes.

    Raises:
        ValueError: It contains anything but arrays of numbers, or is too large.
        Exception: It is corrupt; zipfile, zlib and NumPy then raise almost any exception.
    """
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
        _check_entries(entries, most)
        arrays = {}
        for entry in entries:
            with archive.open(entry) as file:
                arrays[entry.filename.removesuffix(".npy")] = _read(entry, file)
    return arrays


def _check_entries(entries: list[zipfile.ZipInfo], most: int) -> None:
    names = [entry.filename for entry in entries]
    if len(names) > MOST_ARRAYS:
        raise ValueError(f"expected at most {MOST_ARRAYS} arrays, got {len(names)}")
    if len(set(names)) < len(names):
        raise ValueError("expected every array once, got a name twice")
    size = sum(entry.file_size for entry in entries)
    if size > most:
        raise ValueError(f"expected at most {most} bytes unpacked, got {size}")
    for entry in entries:
        if not entry.filename.endswith(".npy"):
            raise ValueError(f"expected arrays, got a file {entry.filename[:60]!r}")
        if entry.compress_type not in _METHODS or entry.flag_bits & 1:
            name = entry.filename[:60]
            raise ValueError(f"expected {name!r} compressed as by NumPy, and not encrypted")


def _read(entry: zipfile.ZipInfo, file: IO[bytes]) -> NDArray[Any]:
    name = entry.filename[:60]
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"expected {name!r} in version 1.0 of NumPy's format, got {version}")
    shape, by_column, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.kind not in _KINDS:
        raise ValueError(f"expected numbers in {name!r}, got type {dtype}")
    expected = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or expected != entry.file_size - file.tell():
        raise ValueError(f"expected the size of {name!r} to match its shape, {shape}")
    flat = np.frombuffer(file.read(), dtype)
    return flat.reshape(shape, order="F" if by_column else "C")
