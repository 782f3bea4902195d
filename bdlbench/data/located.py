"""Files of data sets: beside the caller's file, in the current folder, or in the data folders."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from bdlbench.errors import DataMissing


def beside_caller(path: str | Path, depth: int = 2) -> Path:
    """Return the path of an existing file beside the caller's file or in the current folder.

    Args:
        path: Path of a file; relative to these folders, unless it is absolute.
        depth: Number of calls between the user's code and this function.

    Returns:
        The absolute path, or the path as it is if there is no such file; see `find`.
    """
    path = Path(path).expanduser()
    caller = Path(sys._getframe(depth).f_code.co_filename)
    folders = [caller.parent, Path()] if caller.is_file() else [Path()]
    found = (folder / path for folder in folders)
    return next((each.absolute() for each in found if each.is_file()), path)


def find(path: Path, folders: Sequence[Path]) -> Path:
    """Return the path of a file, searching the data folders for a relative one.

    Raises:
        DataMissing: There is no such file.
    """
    places = [path, *(Path(folder) / path for folder in folders)]
    found = next((place for place in places if place.is_file()), None)
    if found is None:
        remedy = "" if path.is_absolute() else "; put it beside the file that names it"
        raise DataMissing(f"{path}: no such file{remedy}")
    return found
