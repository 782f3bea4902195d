"""Local folders, and folders behind a URL; where results are by default."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

from bdlbench.errors import BdlbenchError

RESULTS = "bdlbench-results"  # of the user, in the working directory; never the published ones
RESULTS_VARIABLE = "BDLBENCH_RESULTS"


def results_at(given: str | Path | None = None) -> Path:
    """Return the location of results: as given, else $BDLBENCH_RESULTS, else `RESULTS`."""
    return place(given or os.environ.get(RESULTS_VARIABLE) or RESULTS)


def place(results: str | Path) -> Path:
    """Return a location as a path, or as a `UPath` for a URL.

    Args:
        results: A folder, or a URL that fsspec can open: ``s3://bucket/runs``, ``file:///srv/runs``.

    Raises:
        BdlbenchError: It is empty, a file, or a URL that cannot be opened.
    """
    location = _parse(results)
    if isinstance(location, Path) and location.is_file():
        raise BdlbenchError(f"expected a folder or a URL, got the file {location}")
    return location


def _parse(results: str | Path) -> Path:
    if not isinstance(results, str) and hasattr(results, "joinpath"):
        return results
    if not isinstance(results, str) or not results:
        raise BdlbenchError(f"expected a folder or a URL, got {results!r}; name one")
    if not is_url(results):
        return Path(results)
    if results.startswith("file://"):
        return Path(unquote(urlsplit(results).path))
    from upath import UPath  # a slow import, needed for URLs only

    try:
        location = UPath(results)
        _ = location.fs  # imports the package for this kind of URL
    except (ImportError, ValueError) as error:
        raise BdlbenchError(
            f"{results}: cannot be opened ({error}); install its package, or name another location"
        ) from error
    return cast(Path, location)


def is_url(text: str) -> bool:
    """Return whether a text is a URL."""
    return "://" in text


def on_this_machine(path: str | Path) -> Path:
    """Return a local path, given as a path or a ``file://`` URL.

    Raises:
        BdlbenchError: It is a URL of another kind.
    """
    if is_url(str(path)) and not str(path).startswith("file://"):
        raise BdlbenchError(
            f"expected a local path, got {path}; copy its content to a folder, and name that"
        )
    return _parse(path)


def is_local(results: Path) -> bool:
    """Return whether files at this location can be renamed and locked."""
    return isinstance(results, Path)


def absolute(results: Path) -> Path:
    """Return the absolute location."""
    return results.absolute() if is_local(results) else results


def user_cache() -> Path | None:
    """Return the user's cache folder; None without a home directory, as in some containers."""
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("bdlbench")
    except RuntimeError:
        return None
    return folder if folder.is_absolute() else None  # some versions do not expand ~
