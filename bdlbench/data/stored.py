"""Data sets that are read from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from bdlbench.data import parts
from bdlbench.data.cifar import CifarFiles
from bdlbench.data.examples import Examples
from bdlbench.data.idx import IdxFiles


class Stored:
    """Base of a data set plugin whose splits are read from files, downloaded where they are not.

    Attributes:
        files: The files.
        splits: The splits that there are.
    """

    files: ClassVar[IdxFiles | CifarFiles]
    splits: ClassVar[tuple[str, ...]] = parts.SPLITS

    def load(self, split: str, folders: Sequence[Path]) -> Examples:
        """Load a split, with pixels 0 to 255 and labels from 0.

        Raises:
            ValueError: The data set has no such split.
            DataError: A file is truncated, corrupt or of another format.
            DataMissing: A file was not found and cannot be downloaded.
        """
        parts.check_split(split, self.splits)
        return self.files.read(split, folders)
