"""Check a run without trusting who made it. Nothing that it names is loaded or executed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from bdlbench import metrics
from bdlbench.data.images import search_folders
from bdlbench.errors import DataMissing, RecordError
from bdlbench.leaderboard import admission
from bdlbench.leaderboard.admission import Labels
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import COMPLETED, Record
from bdlbench.runs import tasks
from bdlbench.storage.locations import is_local
from bdlbench.verification.rescoring import deviations

_ROUNDING = 1e-3  # of entropies in float32


def labels_of(task: str, data_dir: Path | None = None) -> Labels:
    """Return the labels of a task's test and OOD sets; none if its data cannot be had.

    Args:
        task: Name of the task.
        data_dir: Folder that data is looked for in first.
    """
    with suppress(DataMissing):
        judged = tasks.judged_images(tasks.get(task), "test", search_folders(data_dir))
        return {name: images.labels for name, images in judged.items()}
    return {}


def locate(results: Path, runs: Sequence[str]) -> list[Path]:
    """Return the folders of runs, each once, however often and by whatever name it is given.

    Args:
        results: Where names are looked for.
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


def check_run(folder: Path, labels: Labels) -> Record:
    """Check a run's schema, checksum, arrays, inputs and metrics.

    Args:
        folder: Of the run.
        labels: Of the inputs by set; what is not known yet is taken from this run.

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
    admission.check_inputs(record, sets, labels)
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
    """Entropy is concave: the draws' mean of it is at most that of their mean prediction."""
    entropy = metrics.predictive_entropy(predictions.probabilities)
    excess = float(np.max(predictions.expected_entropy - entropy))
    if excess > _ROUNDING:
        raise RecordError(
            f"{record.run}: the draws of its {name} set have an entropy that is {excess:.3g} above "
            "that of their mean, which no draws have"
        )
