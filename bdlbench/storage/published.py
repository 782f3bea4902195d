"""Location of the published results, which are installed with bdlbench."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path


def published(file: str) -> list[Path]:
    """Return the possible paths of a file of the published results.

    `importlib.resources` cannot read a folder without code in an editable installation. Links are
    resolved, and their targets trusted, because some installers link to one copy of a package.
    """
    spec = find_spec("bdlbench_results")
    folders = (spec and spec.submodule_search_locations) or ()
    return [(Path(folder) / file).resolve() for folder in folders]


def kept(results: Path, file: str) -> Path | None:
    """Return the path of a result file, the user's own or else the published one, or None."""
    return next((path for path in (results / file, *published(file)) if path.exists()), None)
