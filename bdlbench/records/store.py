"""Store and load runs: a JSON record and a file of predictions.

A run is a folder ``<results>/runs/<name>/`` with ``record.json`` and, if the run completed,
``predictions.npz``, whose checksum is in the record. The folder is written under a temporary name
and renamed, which is atomic. At a URL, where nothing can be renamed, the record is written last:
folders without a record are ignored.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bdlbench.errors import RecordError
from bdlbench.records import predictions
from bdlbench.records.predictions import Sets
from bdlbench.records.record import SCHEMA, Record, parse
from bdlbench.storage import documents, files
from bdlbench.storage.escaping import visible
from bdlbench.storage.locations import is_local, is_url, place, results_at
from bdlbench.storage.published import published

REMEDY = "delete its folder and run again"
MOST_NAMES = 5  # in a message


def folder_of(results: Path, run: str) -> Path:
    """Return the folder of a run."""
    return results / "runs" / run


def check_writable(results: Path) -> None:
    """Raise a RecordError if `results` is not writable."""
    runs = results / "runs"
    try:
        if is_local(runs):  # where nothing is to be written, no folder is created
            runs = next(path for path in (runs, *runs.parents) if path.exists())
        probe = runs / f".probe-{os.getpid()}"
        probe.write_text("probe")
        probe.unlink()
    except OSError as error:
        raise files.cannot_write(results, error) from error


def check_exists(results: Path) -> None:
    """Raise a RecordError if there is no folder of results."""
    if not results.is_dir():
        where = "" if results == results_at() else f" --results {results}"
        raise RecordError(
            f'no runs in {results}, which does not exist; run "bdlbench compare sgd sgld{where}"'
        )


def write(results: Path, record: Record, sets: Sets) -> Record:
    """Store a run atomically, replacing an earlier one of the same name.

    Returns:
        The record, with the checksum of the predictions.

    Raises:
        RecordError: The folder is not writable.
    """
    target = folder_of(results, record.run)
    record = replace(record, reason=visible(record.reason, 1000)[:2000])  # raised by a plugin
    try:
        with _staged(target) as folder:
            if sets:
                predictions.save(folder / "predictions.npz", sets)
                checksum = hashlib.sha256((folder / "predictions.npz").read_bytes()).hexdigest()
                record = replace(record, predictions_sha256=checksum)
            (folder / "record.json").write_text(documents.to_json(record.content()) + "\n", "utf-8")
            if is_local(results):
                for file in folder.iterdir():
                    files.sync(file)
                files.swap(folder, target)
            else:
                _upload(folder, target)
    except OSError as error:
        raise files.cannot_write(results, error) from error
    return record


def update(folder: Path, record: Record) -> None:
    """Replace a run's record, but not its predictions.

    Raises:
        RecordError: The folder is not writable.
    """
    files.write_file(folder / "record.json", documents.to_json(record.content()))


@contextmanager
def _staged(target: Path) -> Iterator[Path]:
    """Yield a temporary folder for a run: next to the target, or local if the target is a URL."""
    if is_local(target):
        with files.staged(target) as folder:
            yield folder
    else:
        with tempfile.TemporaryDirectory(prefix="bdlbench-run-") as temporary:
            yield Path(temporary)


def _upload(folder: Path, target: Path) -> None:
    """Upload a run: the old record is deleted first, the new one is written last."""
    (target / "record.json").unlink(missing_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    for name in ("predictions.npz", "record.json"):
        if (folder / name).exists():
            (target / name).write_bytes((folder / name).read_bytes())


def read(folder: Path, checked: bool = True) -> Record:
    """Read a run's record.

    Args:
        folder: Folder of the run.
        checked: Validate against the schema, which takes about a millisecond per record.

    Raises:
        DamagedRecord: The record is corrupt.
        RecordError: The record is missing, cannot be read, or has a newer schema.
    """
    from bdlbench.records import schema

    path = folder / "record.json"
    try:
        content = documents.read(path, REMEDY, most=schema.LARGEST)
    except RecordError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise RecordError(f"no run in {folder}: expected a record.json there") from None
        raise
    version = content.get("schema")
    if isinstance(version, int) and version > SCHEMA:
        raise RecordError(
            f"{path}: expected a record of schema {SCHEMA}, got {version}; upgrade bdlbench"
        )
    with documents.reading(path, REMEDY):
        if version == 1:
            content = _from_schema_1(content)
        elif version != SCHEMA:
            raise ValueError(f"expected a record of schema {SCHEMA}")
        if checked:
            schema.check(content)
        return parse(content)


def _from_schema_1(content: dict[str, Any]) -> dict[str, Any]:
    """Upgrade a record of schema 1; its name stays valid."""
    rest = {name: value for name, value in content.items() if name != "scoring_sha256"}
    return {**rest, "scoring": 1, "schema": SCHEMA}


def names(results: Path) -> list[str]:
    """Return the sorted names of the stored runs."""
    runs = results / "runs"
    folders = [path.name for path in runs.iterdir()] if runs.is_dir() else []
    return sorted(name for name in folders if not name.startswith("."))  # hidden: temporary


def read_all(results: Path) -> Iterator[tuple[str, Record | None]]:
    """Yield the name and record of every stored run, sorted; None for a corrupt record."""
    for name in names(results):
        try:
            yield name, read(folder_of(results, name), checked=False)
        except RecordError:
            yield name, None


def read_predictions(folder: Path, record: Record) -> dict[str, Any]:
    """Read a run's predictions, and verify them against the checksum in its record.

    Raises:
        RecordError: The file is missing, invalid, or has another checksum.
    """
    path = folder / "predictions.npz"
    try:
        content = files.read_bytes(path, predictions.LARGEST_FILE)
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: cannot be read ({error}); {REMEDY}") from error
    if hashlib.sha256(content).hexdigest() != record.predictions_sha256:
        raise RecordError(f"{path}: does not match its record's checksum; {REMEDY}")
    return predictions.parse(content, path)


def find(results: Path, run: str, say: Callable[[str], None] = lambda line: None) -> Record:
    """Read the record of a run that is given as for `locate`.

    Raises:
        RecordError: No run or more than one matches, or the record cannot be read.
    """
    return read(locate(results, run, say))


def locate(results: Path, run: str, say: Callable[[str], None] = lambda line: None) -> Path:
    """Return the folder of a run.

    Args:
        results: Results in which names are searched first, before the published ones.
        run: The run's name, a unique prefix of it, or its folder or URL.
        say: Called with a note if it is a published run.

    Raises:
        RecordError: No run or more than one matches.
    """
    given = place(run)
    if is_url(run) or (given / "record.json").is_file():
        return given
    matches = _matches(results, run)
    if len(matches) == 1:
        return folder_of(results, matches[0])
    for folder in published("") if not matches else ():
        found = _matches(folder, run)
        if len(found) == 1:
            say(f"{found[0]} is not in {results}; this is the published run")
            return folder_of(folder, found[0])
    if not matches:
        check_exists(results)
    actual = ", ".join(matches[:MOST_NAMES]) + ", …" * (len(matches) > MOST_NAMES) or "none"
    raise RecordError(
        f"expected one run in {results / 'runs'} that begins with {run!r}, got {actual}"
    )


def _matches(results: Path, run: str) -> list[str]:
    """Return the run of this name, else those that begin with it."""
    found = [name for name in names(results) if name.startswith(run)]
    return [run] if run in found else found


def to_text(record: Record) -> str:
    """Format a record as lines of ``name  value``, with nested names joined by dots."""
    rows = list(_flatten("", record.content()))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _flatten(prefix: str, content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flatten(f"{prefix}{name}.", value)
        else:
            yield prefix + name, value
