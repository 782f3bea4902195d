"""CIFAR's archives of 32x32 colour images, read from folders or downloaded."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bdlbench.data.download import existing, obtain
from bdlbench.data.examples import Examples
from bdlbench.errors import DataError

MIRRORS = ("https://www.cs.toronto.edu/~kriz/",)
REMEDY = "delete it and run again, or set --data-dir"


@dataclass(frozen=True)
class CifarFiles:
    """CIFAR-10 or CIFAR-100, in the archive for Python.

    The archive, or the folder that it contains, is searched in the data folders; otherwise it is
    downloaded to the first writable one. The archive is not unpacked.

    Args:
        folder: Name of the folder in the archive.
        archive: Name of the archive.
        checksum: MD5 of the archive.
        batches: Names of the files of every split.
        labels: Key of the labels.
        classes: Number of classes.
    """

    folder: str
    archive: str
    checksum: str
    batches: Mapping[str, Sequence[str]]
    labels: bytes
    classes: int
    mirrors: tuple[str, ...] = MIRRORS

    def read(self, split: str, folders: Sequence[Path]) -> Examples:
        """Return all images, shape (n, 3, 32, 32), and labels of a split.

        Raises:
            DataError: A file is truncated, corrupt or of another format.
            DataMissing: The archive was not found and cannot be downloaded.
            ValueError: No folder is given.
        """
        urls = [mirror + self.archive for mirror in self.mirrors]
        path = obtain(self.folder, [self.folder, self.archive], urls, self.checksum, folders)
        try:
            found = [_unpickle(content) for content in self._contents(path, split)]
            x = np.concatenate([batch[b"data"] for batch in found]).reshape(-1, 3, 32, 32)
            y = np.concatenate([batch[self.labels] for batch in found]).astype(np.int64)
            return Examples(np.ascontiguousarray(x), y, self.classes)
        except Exception as error:  # whatever a corrupt pickle may raise
            line = str(error).partition("\n")[0] or type(error).__name__
            raise DataError(f"{path}: expected the files of CIFAR ({line}); {REMEDY}") from error

    def missing(self, folders: Sequence[Path]) -> list[str]:
        """Return the name of the archive if it is in none of the folders."""
        return [] if existing([self.folder, self.archive], folders) else [self.archive]

    def _contents(self, path: Path, split: str) -> list[bytes]:
        if path.is_dir():
            return [(path / name).read_bytes() for name in self.batches[split]]
        wanted = {f"{self.folder}/{name}": b"" for name in self.batches[split]}
        with tarfile.open(path) as archive:
            for member in archive:  # in the order of the file: seeking back unpacks it again
                if member.name in wanted and (file := archive.extractfile(member)):
                    wanted[member.name] = file.read()
        for name, content in wanted.items():
            if not content:
                raise ValueError(f"no {name}")
        return list(wanted.values())


class _Numbers(pickle.Unpickler):
    """An unpickler of NumPy arrays in plain containers, which executes nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        allowed = {"_reconstruct": np.zeros(0).__reduce__()[0], "ndarray": np.ndarray}
        allowed |= {"dtype": np.dtype}
        if module.partition(".")[0] != "numpy" or name not in allowed:
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return allowed[name]


def _unpickle(content: bytes) -> dict[bytes, Any]:
    batch: dict[bytes, Any] = _Numbers(io.BytesIO(content), encoding="bytes").load()
    return batch
