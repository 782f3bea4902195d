"""Folders of the local file system, and folders behind a URL."""

from __future__ import annotations

from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit

from bdlbench.errors import BdlbenchError


def place(results: str | Path) -> Path:
    """Return the location of results: a path, or for a URL an object that behaves like one.

    Args:
        results: A folder, or a URL that fsspec knows: ``s3://bucket/runs``, ``file:///srv/runs``.

    Raises:
        BdlbenchError: It is a URL of a kind that cannot be opened here.
    """
    if not isinstance(results, str):
        return results
    if not is_url(results):
        return Path(results)
    if results.startswith("file://"):
        return Path(unquote(urlsplit(results).path))
    from upath import UPath  # a slow import, needed for URLs only

    try:
        found = UPath(results)
        _ = found.fs  # some wait until now to import what they need
    except (ImportError, ValueError) as error:
        raise BdlbenchError(
            f"expected a folder or a URL that fsspec opens here, got {results} ({error}); "
            "install what it needs, or name another"
        ) from error
    return cast(Path, found)


def is_url(text: str) -> bool:
    """Return whether a text is a URL."""
    return "://" in text


def on_this_machine(path: str | Path) -> Path:
    """Return a local path, given as such or as a ``file://`` URL.

    Raises:
        BdlbenchError: It is a URL of another kind.
    """
    if is_url(str(path)) and not str(path).startswith("file://"):
        raise BdlbenchError(
            f"expected a path on this machine, got {path}; name one, and copy what it holds"
        )
    return place(path)


def is_local(results: Path) -> bool:
    """Return whether files there can be renamed and locked."""
    return isinstance(results, Path)


def absolute(results: Path) -> Path:
    """Return the absolute location."""
    return results.absolute() if is_local(results) else results


def user_cache() -> Path | None:
    """Return the user's cache folder, or None for a user without a home, as in containers."""
    from platformdirs import user_cache_path

    try:
        found = user_cache_path("bdlbench")
    except RuntimeError:
        return None
    return found if found.is_absolute() else None  # some versions return ~ as it is
