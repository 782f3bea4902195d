"""Check untrusted runs, and recompute their metrics, without loading any plugin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from bdlbench import metrics
from bdlbench.data.examples import search_folders
from bdlbench.errors import BdlbenchError, DataMissing, RecordError
from bdlbench.leaderboard import admission
from bdlbench.leaderboard.admission import Labels
from bdlbench.metrics.scores import ADDED, VERSION, agree, score
from bdlbench.records import store
from bdlbench.records.predictions import Predicted, Predictions, Sets
from bdlbench.records.record import COMPLETED, Record
from bdlbench.runs import task_data, tasks
from bdlbench.storage.locations import is_local

_ROUNDING = 1e-3  # of entropies in float32


def labels_of(task: str, data_dir: Path | None = None) -> Labels:
    """Return the labels of a task's sets by name; empty if the task or its data is missing.

    Args:
        task: Name of the task.
        data_dir: Folder searched for data first.
    """
    with suppress(DataMissing):
        known = tasks.find(task)
        if known is None:
            return {}
        sets = task_data.evaluation_sets(known, "test", search_folders(data_dir))
        return {name: examples.y for name, examples in sets.items()}
    return {}


def locate(
    results: Path, runs: Sequence[str], say: Callable[[str], None] = lambda line: None
) -> list[Path]:
    """Return the folders of runs, without duplicates.

    Args:
        results: Results in which names are searched.
        runs: As for `store.locate`.
        say: Likewise.

    Raises:
        RecordError: A run does not exist, or cannot be read.
    """
    folders: dict[Path, Path] = {}
    for run in runs:
        folder = store.locate(results, run, say)
        store.read(folder)
        folders.setdefault(folder.resolve() if is_local(folder) else folder, folder)
    return list(folders.values())


def check_run(folder: Path, labels: dict[str, Labels], data_dir: Path | None = None) -> Record:
    """Check a run's schema, checksum, arrays, inputs and metrics, and return its record.

    Args:
        folder: Folder of the run.
        labels: Labels of the inputs by task and set. Missing ones are added, from the data of the
            task, or from this run if the data is not available.
        data_dir: Folder searched for data first.

    Raises:
        BdlbenchError: A check failed; the message describes the first.
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
        raise RecordError(
            f"{record.run}: expected no metrics or predictions for outcome {record.outcome!r}"
        )


def _check_entropy(record: Record, name: str, predictions: Predicted) -> None:
    """Check that no mean entropy of the draws exceeds the entropy of their mean (Jensen)."""
    if not isinstance(predictions, Predictions):
        return  # densities are stored for every draw
    entropy = metrics.predictive_entropy(predictions.probabilities)
    excess = float(np.max(predictions.expected_entropy - entropy))
    if excess > _ROUNDING:
        raise RecordError(
            f"{record.run}: expected the mean entropy of the draws to be at most that of their "
            f"mean, got {excess:.3g} more on the {name} set"
        )


def rescore(folder: Path, update: bool = False) -> Iterator[tuple[str, list[str]]]:
    """Recompute the metrics of every run, and compare them with the record.

    Args:
        folder: Folder of results, or of one run.
        update: Update records with metrics of an earlier version.

    Yields:
        The name of each run, and a list of its errors.
    """
    if (folder / "record.json").exists():
        folders = [folder]
    elif (folder / "runs").is_dir():
        folders = [store.folder_of(folder, name) for name in store.names(folder)]
    else:
        store.check_exists(folder)
        raise BdlbenchError(f"expected a folder of results or of a run, got {folder}")
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


def deviations(record: Record, sets: Sets) -> list[str]:
    """Describe the metrics of a completed run's record that do not match its predictions."""
    if record.scoring != VERSION:
        return [
            f"expected metrics of version {VERSION}, got version {record.scoring}; run bdlbench "
            "score --update"
        ]
    try:
        metrics = score(sets)
    except ValueError as error:
        return [f"its predictions cannot be scored: {error}"]
    lines = []
    later = ADDED - record.metrics.keys()  # metrics that are younger than the record
    for name in dict.fromkeys([*(n for n in metrics if n not in later), *record.metrics]):
        recorded, value = record.metrics.get(name), metrics.get(name)
        if recorded is None or value is None:
            where = "predictions" if recorded is None else "record"
            lines.append(f"{name} is in the {where} only")
        elif not agree(recorded, value):
            lines.append(
                f"{name} is {recorded!r} in the record, but {value!r} from its predictions"
            )
    return lines
