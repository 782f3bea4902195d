"""Copy records, predictions and reports into the site, unchanged."""

from __future__ import annotations

import re
from pathlib import Path

from bdlbench.checks import certificate
from bdlbench.errors import RecordError
from bdlbench.records import store
from bdlbench.records.predictions import LARGEST_FILE
from bdlbench.records.record import COMPLETED, Record
from bdlbench.storage import files
from bdlbench.storage.locations import is_local
from bdlbench.storage.published import kept

# Portable file names that need no escaping in links and cannot traverse folders.
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}")
RECORD, PREDICTIONS = "record.json", "predictions.npz"


def copy_run(results: Path, record: Record, site: Path) -> list[str]:
    """Copy a run's files into the site, and return their relative paths.

    Raises:
        RecordError: The run's name is unsafe, or a file is missing or a link.
    """
    folder = store.folder_of(results, safe(record.run))
    names = [RECORD, PREDICTIONS] if record.outcome == COMPLETED else [RECORD]
    return [copy_file(folder / name, site, f"runs/{record.run}/{name}") for name in names]


def copy_report(results: Path, record: Record, site: Path) -> str | None:
    """Copy the certificate of a run's sampler into the site, and return its relative path, if any.

    The user's results take precedence over those installed with bdlbench.
    """
    safe(record.sampler.name)
    file = certificate.file_of(*certificate.version_of(record))
    path = kept(results, file)
    return None if path is None else copy_file(path, site, file)


def copy_file(source: Path, site: Path, path: str) -> str:
    """Copy a file to a relative path in the site, and return that path.

    Raises:
        RecordError: The file is missing, or a link, which could lead to any file.
    """
    target = site / path
    try:
        if is_local(source) and source.parent.is_symlink():
            raise ValueError("expected a folder, got a link")
        content = files.read_bytes(source, LARGEST_FILE)
    except (OSError, ValueError) as error:
        raise RecordError(
            f"expected a file {source}, got a link or no file; remove its folder"
        ) from error
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return path


def safe(name: str) -> str:
    """Return a name if it is safe as part of a path.

    Raises:
        RecordError: It is not.
    """
    if not _SAFE.fullmatch(name):
        raise RecordError(f"expected a name of letters, digits, dots and dashes, got {name[:80]!r}")
    return name
