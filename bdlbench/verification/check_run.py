"""Check untrusted runs, and recompute their metrics.

Nothing that a run names is loaded or executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from bdlbench import metrics
from bdlbench.data.images import search_folders
from bdlbench.errors import BdlbenchError, DataMissing, RecordError
from bdlbench.leaderboard import admission
from bdlbench.leaderboard.admission import Labels
from bdlbench.metrics.scores import VERSION, agree, score
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import COMPLETED, Record
from bdlbench.runs import tasks
from bdlbench.storage.locations import is_local

_ROUNDING = 1e-3  # of entropies in float32


def labels_of(task: str, data_dir: Path | None = None) -> Labels:
    """Return the labels of a task's test and OOD sets; none if its data is not available.

    Args:
        task: Name of the task.
        data_dir: Folder searched for data first.
    """
    with suppress(DataMissing):
        judged = tasks.evaluation_images(tasks.get(task), "test", search_folders(data_dir))
        return {name: images.labels for name, images in judged.items()}
    return {}


def locate(results: Path, runs: Sequence[str]) -> list[Path]:
    """Return the folders of runs, without duplicates.

    Args:
        results: Results in which names are searched.
        runs: As for `records.locate`.

    Raises:
        RecordError: One is not there, or cannot be read.
    """
    found: dict[Path, Path] = {}
    for run in runs:
        folder = store.locate(results, run)
        store.read(folder)
        found.setdefault(folder.resolve() if is_local(folder) else folder, folder)
    return list(found.values())


def check_run(folder: Path, labels: dict[str, Labels], data_dir: Path | None = None) -> Record:
    """Check a run's schema, checksum, arrays, inputs and metrics.

    Args:
        folder: Of the run.
        labels: Of the inputs by task and set. What is not in there yet is added: from the data of
            the task, and from this run if they cannot be had.
        data_dir: Folder searched for data first.

    Returns:
        Its record.

    Raises:
        BdlbenchError: The first thing that is wrong.
    """
    record = store.read(folder)
    if record.run != folder.name:
        raise RecordError(f"{folder}: holds the record of {record.run!r}; rename the folder")
    if record.configuration.split != "test":
        raise RecordError(f"{record.run}: expected a run on the test set, got one on validation")
    admission.check_record(record)
    if record.outcome != COMPLETED:
        _check_failed(folder, record)
        return record
    sets = store.read_predictions(folder, record)
    if record.task not in labels:
        labels[record.task] = labels_of(record.task, data_dir)
    admission.check_inputs(record, sets, labels[record.task])
    for name, predictions in sets.items():
        _check_entropy(record, name, predictions)
    different = deviations(record, sets)
    if different:
        raise RecordError(f"{record.run}: {'; '.join(different[:3])}")
    return record


def _check_failed(folder: Path, record: Record) -> None:
    if record.metrics or record.predictions_sha256 or (folder / "predictions.npz").exists():
        raise RecordError(f"{record.run}: expected no metrics and predictions: {record.outcome}")


def _check_entropy(record: Record, name: str, predictions: Predictions) -> None:
    """Check that the mean entropy of the draws is at most that of their mean prediction."""
    entropy = metrics.predictive_entropy(predictions.probabilities)
    excess = float(np.max(predictions.expected_entropy - entropy))
    if excess > _ROUNDING:
        raise RecordError(
            f"{record.run}: the draws of its {name} set have an entropy that is {excess:.3g} above "
            "that of their mean, which no draws have"
        )


def rescore(folder: Path, update: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Score every run again.

    Args:
        folder: Of results, or of one run.
        update: Write the metrics of the present version into records of an earlier one.

    Yields:
        The name of each run, and sentences on what is wrong with it; none if nothing is.
    """
    if (folder / "record.json").exists():
        folders = [folder]
    elif (folder / "runs").is_dir():
        folders = [store.folder_of(folder, name) for name in store.names(folder)]
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
    """Describe the metrics of a record that do not match its predictions.

    Args:
        record: Of a completed run.
        sets: Its predictions.
    """
    if record.scoring != VERSION:
        return [
            f"its metrics are of version {record.scoring}, here they are of version {VERSION}; "
            "bdlbench score --update updates them"
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
        elif not agree(said, value):
            lines.append(f"{name} is {said!r} in the record, but {value!r} by its predictions")
    return lines
