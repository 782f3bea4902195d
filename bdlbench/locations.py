"""Tell folders on this machine's file system from those behind a URL."""

from __future__ import annotations

from pathlib import Path
from typing import cast
from urllib.parse import unquote, urlsplit


def place(results: str | Path) -> Path:
    """Return where results are kept: a path, or for a URL what behaves like one.

    Args:
        results: A folder, or a URL that fsspec knows: ``s3://bucket/runs``, ``file:///srv/runs``.
    """
    if not isinstance(results, str):
        return results
    if "://" not in results:
        return Path(results)
    if results.startswith("file://"):
        return Path(unquote(urlsplit(results).path))
    from upath import UPath  # only who has a URL waits for its import

    return cast(Path, UPath(results))


def is_local(results: Path) -> bool:
    """Tell whether files there can be renamed and locked."""
    return isinstance(results, Path)


def absolute(results: Path) -> Path:
    """Return the place as it is called from any working directory."""
    return results.absolute() if is_local(results) else results
