"""Write the site atomically: after an error, an earlier site is unchanged."""

from __future__ import annotations

import shutil
from pathlib import Path

from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.leaderboard import boards
from bdlbench.leaderboard.admission import Warn
from bdlbench.records import store
from bdlbench.site import pages
from bdlbench.storage import files

INDEX, STATIC = "index.html", "static"


def publish(results: Path, out: Path, warn: Warn | None = None) -> Path:
    """Write the site of all runs, and return the path of its index page.

    Args:
        results: Folder of the results.
        out: Folder of the site; an earlier site in it is replaced.
        warn: As for `boards.build`.

    Raises:
        BdlbenchError: The results do not exist, a record is invalid, or the folder of the site has
            other content.
        RecordError: The folder cannot be written to.
    """
    target = out.resolve()
    _check_replaceable(target)
    store.check_exists(results)
    built = boards.build(results, warn)
    try:
        with files.staged(target) as partial:
            pages.write(results, built, partial)
            shutil.copytree(
                Path(__file__).parent / STATIC, partial / STATIC, copy_function=shutil.copyfile
            )
            files.swap(partial, target)
    except OSError as error:
        raise RecordError(
            f"cannot write to {out} ({error.strerror or error}); free space, or choose another "
            "folder with --out; an earlier site is unchanged"
        ) from error
    return out / INDEX


def _check_replaceable(target: Path) -> None:
    """Refuse to replace anything but an earlier site, so that ``--out .`` deletes no files."""
    if not target.exists() or (target.is_dir() and not any(target.iterdir())):
        return
    if not (target / INDEX).is_file() or not (target / STATIC / "plots.js").is_file():
        raise BdlbenchError(
            f"expected --out to be a new folder, an empty one or an earlier site, got {target}, "
            "which has other content"
        )
