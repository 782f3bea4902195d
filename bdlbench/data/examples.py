"""Labelled examples, and the folders that are searched for data."""

from __future__ import annotations

import hashlib
import os
import tempfile
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bdlbench.errors import DataError
from bdlbench.storage.locations import user_cache

if TYPE_CHECKING:
    from numpy.typing import NDArray

INPUTS = (np.uint8, np.int64, np.float32)


@dataclass(frozen=True, eq=False)
class Examples:
    """Inputs of any shape, with class numbers or real targets.

    Args:
        x: Inputs, shape (n, …): uint8 images, (n, height, width) or (n, channels, height, width);
            float32 features, into which float64 is converted; or int64 tokens.
        y: Class numbers from 0, int64 (n,), or real targets, float64 (n,); None for OOD inputs
            without labels, whose y is then zero.
        classes: Number of classes; None for real targets, and without labels.

    Raises:
        ValueError: A shape, type or value is invalid.
    """

    x: NDArray[Any]
    y: NDArray[Any] = None  # type: ignore[assignment]
    classes: int | None = None

    def __post_init__(self) -> None:
        if self.x.dtype == np.float64:
            object.__setattr__(self, "x", self.x.astype(np.float32))
        if self.x.dtype not in INPUTS or self.x.ndim < 2:
            expected = "inputs (n, …) of type uint8, int64 or float32"
            raise ValueError(f"expected {expected}, got {_describe(self.x)}")
        if self.y is None:
            object.__setattr__(self, "y", np.zeros(len(self.x), np.int64))
        kind = np.int64 if self.classes is not None or self.y.dtype == np.int64 else np.float64
        if self.y.dtype != kind or self.y.shape != self.x.shape[:1]:
            expected = f"y of type {kind.__name__} and shape ({len(self.x)},)"
            raise ValueError(f"expected {expected}, got {_describe(self.y)}")
        floats = [values for values in (self.x, self.y) if values.dtype.kind == "f"]
        if not all(np.isfinite(values).all() for values in floats):
            raise ValueError("expected finite x and y, got NaN or inf")
        if self.classes is not None and np.any((self.y < 0) | (self.y >= self.classes)):
            low, high = self.y.min(), self.y.max()
            raise ValueError(f"expected y from 0 to {self.classes - 1}, got {low} to {high}")

    @property
    def real(self) -> bool:
        """Whether the targets are real numbers."""
        return self.y.dtype == np.float64

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> Examples:
        return Examples(self.x[rows], self.y[rows], self.classes)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of inputs, targets and shape, independent of the compression of the files.

        Type and number of classes are left out where they are those of MNIST, so that its digest
        is the one that was published.
        """
        x, y = np.ascontiguousarray(self.x), np.ascontiguousarray(self.y)
        digest = hashlib.sha256(x.astype(x.dtype.newbyteorder("<"), copy=False).data)
        digest.update(y.astype(y.dtype.newbyteorder("<"), copy=False).data)
        digest.update(repr(self.x.shape).encode())
        kind = (x.dtype.name, y.dtype.name, self.classes)
        if kind != ("uint8", "int64", 10):
            digest.update(repr(kind).encode())
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


def split_validation(examples: Examples) -> tuple[Examples, Examples]:
    """Split off the last 10 % as validation data; return (training, validation).

    Raises:
        ValueError: There are fewer than 10 examples.
    """
    size = len(examples) // 10
    if size == 0:
        raise ValueError(f"expected at least 10 examples to split, got {len(examples)}")
    return examples[:-size], examples[-size:]


def _describe(array: NDArray[np.generic]) -> str:
    return f"{array.dtype} {array.shape}"
