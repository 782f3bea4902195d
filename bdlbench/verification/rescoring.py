"""Compute the metrics of runs again from their predictions, and say what differs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from bdlbench.errors import BdlbenchError
from bdlbench.metrics.scores import TOLERANCE, VERSION, score
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import COMPLETED, Record


def rescore(folder: Path, update: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Score every run again.

    Args:
        folder: That runs are kept in, or of one run.
        update: Write the metrics of the present version into records of an earlier one.

    Yields:
        The name of each run, and sentences on what is wrong with it; none if nothing is.
    """
    runs = folder / "runs"
    if (folder / "record.json").exists():
        folders = [folder]
    elif runs.is_dir():
        folders = sorted(path for path in runs.iterdir() if not path.name.startswith("."))
    else:
        raise BdlbenchError(f"expected a folder with runs/ or of a run, got {folder}; name one")
    for path in folders:
        try:
            yield path.name, _rescore(path, update)
        except BdlbenchError as error:
            yield path.name, [str(error)]


def _rescore(folder: Path, update: bool) -> list[str]:
    record = store.read(folder)
    if record.run != folder.name:
        return [f"holds the record of {record.run!r}"]
    completed = record.outcome == COMPLETED
    sets = store.read_predictions(folder, record) if completed else {}
    if update and record.scoring < VERSION:
        metrics = score(sets) if completed else {}
        store.update(folder, replace(record, metrics=metrics, scoring=VERSION))
        return []
    return deviations(record, sets) if completed else []


def deviations(record: Record, sets: Mapping[str, Predictions]) -> list[str]:
    """Say which metrics of a record are not those of its predictions.

    Args:
        record: Of a completed run.
        sets: Its predictions.
    """
    if record.scoring != VERSION:
        return [
            f"its metrics are of version {record.scoring}, here they are of version {VERSION}; "
            "bdlbench score --update writes them anew"
        ]
    try:
        found = score(sets)
    except ValueError as error:
        return [f"its predictions cannot be scored: {error}"]
    lines = []
    for name in (*found, *(name for name in record.metrics if name not in found)):
        said, value = record.metrics.get(name), found.get(name)
        if said is None or value is None:
            where = "predictions alone" if said is None else "record alone"
            lines.append(f"{name} is in the {where}")
        elif not math.isclose(said, value, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
            lines.append(f"{name} is {said!r} in the record, but {value!r} by its predictions")
    return lines
