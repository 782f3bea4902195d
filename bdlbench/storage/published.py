"""Find the results that are installed with bdlbench."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def published(file: str) -> list[Path]:
    """Return the possible paths of a file of the installed results.

    Not importlib.resources, which cannot read a folder without code of an editable installation.
    Some installers make links to one copy of a package; what they lead to is trusted as it is.
    """
    spec = find_spec("bdlbench_results")
    folders = (spec and spec.submodule_search_locations) or ()
    return [(Path(folder) / file).resolve() for folder in folders]


def kept(results: Path, file: str) -> Path | None:
    """Return the path of a file of results, or None: the user's own, else the published one."""
    return next((path for path in (results / file, *published(file)) if path.exists()), None)
