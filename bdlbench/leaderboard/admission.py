"""Checks that runs are comparable.

All runs of a board have the same task, data, prior, model, budget and numerics version.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bdlbench.data import origins
from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.posterior import models
from bdlbench.records import store
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import Predictions, Sets
from bdlbench.records.record import Record
from bdlbench.runs import numerics, plan, tasks
from bdlbench.runs.recorded_likelihood import of_configuration, recorded
from bdlbench.storage import documents

MOST_PARAMETERS = 10**7
Labels = dict[str, Any]
"""Labels of the inputs by set, int64 (inputs,)."""
Warn = Callable[[str], None]
"""Called with the name of a run that is left out."""


@contextmanager
def tolerating(run: str, warn: Warn | None) -> Iterator[None]:
    """Leave out a damaged run: `warn` reports it, and the others go on.

    Raises:
        BdlbenchError: The run is damaged, and `warn` is None.
    """
    try:
        yield
    except BdlbenchError:
        if warn is None:
            raise
        warn(run)


def read_runs(results: Path, warn: Warn | None = None) -> Iterator[Record]:
    """Yield all records of the results, sorted by name.

    Raises:
        RecordError: A record cannot be read, or its folder has another name, and `warn` is None.
    """
    for name in store.names(results):
        with tolerating(name, warn):
            yield _read(store.folder_of(results, name))


def _read(folder: Path) -> Record:
    record = store.read(folder)
    if record.run != folder.name:
        raise RecordError(f"{folder}: holds the record of {record.run!r}; rename or delete")
    return record


def check_record(record: Record) -> None:
    """Check a run's prior, burn-in, data sets and model size against its task, and its name.

    Of a task that is not built in, the runs of a board are checked against each other only.

    Raises:
        BdlbenchError: One of them is wrong.
    """
    task, made = tasks.built_in(record.task), record.configuration
    expected: dict[str, tuple[object, object]] = {}
    if task is not None:
        expected = {
            "prior_std": (task.prior_std, made.prior_std),
            "burn_in": (task.budget.burn_in, made.burn_in),
            "likelihood": (recorded(task.likelihood), of_configuration(made)),
            "data sets": (sorted(["train", "test", *task.sets]), sorted(record.data)),
        }
    for name, (of_task, of_run) in expected.items():
        if of_task != of_run:
            raise RecordError(
                f"{record.run}: expected {name} {of_task}, as in task {record.task}, got {of_run}; "
                "rerun it with this version"
            )
    if made.model_sha256 is None:
        _check_model(made.model)
    name = f"{plan.stem(record.task, record.sampler, made, record.data)}-{record.seed}"
    if record.run != name:
        raise RecordError(f"{record.run}: the record is that of run {name}")


@cache
def _check_model(name: str) -> None:
    parameters = models.build(name).dim  # allocates no parameters
    if parameters > MOST_PARAMETERS:
        raise RecordError(
            f"expected a model of at most {MOST_PARAMETERS} parameters, got {name}, {parameters}"
        )


def numerics_of(record: Record) -> str:
    """Return the numerics version that a run was made with."""
    return numerics.identity_of(record.sampler, record.configuration).numerics


def check_declared(record: Record) -> None:
    """Check that a run has the declared numerics version, so that others can reproduce it.

    Raises:
        RecordError: It has another, or a local version.
    """
    declared, version = str(numerics.declared().version), numerics_of(record)
    if declared != version:
        why = "a local version" if "+" in version else "another version"
        raise RecordError(
            f"{record.run}: expected numerics version {declared}, got {version}, {why}; rerun it "
            "with released code"
        )


def check_board(found: Sequence[Record]) -> None:
    """Check that there are no duplicates among runs of one task, model, budget and data.

    Raises:
        RecordError: Two records are of the same run, or of the same sampler with different code.
    """
    firsts: dict[str, Record] = {}
    seeds: dict[tuple[str, int], Record] = {}
    for record in found:
        first = firsts.setdefault(identity(record), record)
        if _current_run_prefix(first) != _current_run_prefix(record):
            raise RecordError(
                f"{first.run} and {record.run} are of the same sampler and hyperparameters, but "
                "of different code or devices; delete one"
            )
        other = seeds.setdefault((identity(record), record.seed), record)
        if other is not record:
            raise RecordError(
                f"{other.run} and {record.run} are records of the same run; delete one"
            )


def check_data(new: Sequence[Record], others: Iterable[Record]) -> None:
    """Check that new runs are on known data: the official files, or the data of other runs.

    Raises:
        RecordError: A run is on unknown data, whose labels cannot be checked.
    """
    published = list(others)
    for record in new:
        known = [other.data for other in published if other.task == record.task]
        if record.task in origins.USUAL:
            known = [origins.USUAL[record.task], *known]
        if known and record.data not in known:
            differing = [name for name in record.data if record.data[name] != known[0].get(name)]
            raise RecordError(
                f"{record.run}: expected the data of published runs on {record.task}, got a "
                f"different {' and '.join(differing)} set"
            )


def _current_run_prefix(record: Record) -> str:
    """Return a run's name without its seed, in the current naming scheme."""
    code = numerics.identity_of(record.sampler, record.configuration)
    sampler = replace(record.sampler, source_sha256=code.source_sha256)
    made = replace(record.configuration, numerics=code.numerics, protocol=None, code_sha256=None)
    return plan.stem(record.task, sampler, made, record.data)


def identity(record: Record) -> str:
    """Return what identifies a sampler on a board: its name and its hyperparameters."""
    return documents.to_json([record.sampler.name, record.sampler.settings])


def check_inputs(record: Record, sets: Sets, labels: Labels) -> None:
    """Check that a run's predictions are for the inputs of its task.

    Args:
        record: Record of the run.
        sets: Its predictions.
        labels: Labels of the inputs by set; those of a missing set are added.

    Raises:
        RecordError: The sets, the labels or the number of draws are wrong.
    """
    expected = [name for name in record.data if name != "train"]
    likelihood = of_configuration(record.configuration)
    kind = Densities if likelihood.kind == "real" else Predictions
    if not all(isinstance(predictions, kind) for predictions in sets.values()):
        raise RecordError(
            f"{record.run}: expected {kind.__name__}, as for its likelihood {likelihood}, got "
            "another kind"
        )
    if sorted(sets) != sorted(expected):
        raise RecordError(f"{record.run}: expected predictions for {expected}, got {sorted(sets)}")
    for name, predictions in sets.items():
        if not np.array_equal(predictions.truth, labels.setdefault(name, predictions.truth)):
            raise RecordError(f"{record.run}: the labels of its {name} set are not the task's")
        draws = predictions.draws
        if draws != record.draws:
            raise RecordError(
                f"{record.run}: expected {record.draws} draws, as in its record, got {draws} in "
                f"its {name} set"
            )
