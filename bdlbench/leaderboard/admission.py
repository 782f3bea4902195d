"""Which runs are comparable; the others are refused with a reason.

What must be equal on a board is what decides what is measured: the task with its data, prior, model
and budget, and the numerics version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from bdlbench.data import origins
from bdlbench.errors import RecordError
from bdlbench.posterior import models
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import Record
from bdlbench.runs import numerics, plan, tasks
from bdlbench.storage import documents

MOST_PARAMETERS = 10**7
Labels = dict[str, Any]
"""Labels of the inputs by set, int64 (inputs,)."""


def read_runs(results: Path) -> Iterator[Record]:
    """Read all records in the folder, by name.

    Raises:
        RecordError: One cannot be read, or is in a folder of another name.
    """
    for name in store.names(results):
        folder = store.folder_of(results, name)
        record = store.read(folder)
        if record.run != name:
            raise RecordError(f"{folder}: holds the record of {record.run!r}; rename or delete")
        yield record


def check_record(record: Record) -> None:
    """Check that a run has the settings of its task.

    Raises:
        BdlbenchError: It was not, or its name is not that of its content.
    """
    task, made = tasks.get(record.task), record.configuration
    expected = {
        "prior_std": (task.prior_std, made.prior_std),
        "burn_in": (task.budget.burn_in, made.burn_in),
        "data sets": (sorted(["train", "test", *task.ood]), sorted(record.data)),
    }
    for name, (wanted, got) in expected.items():
        if wanted != got:
            raise RecordError(
                f"{record.run}: expected {name} {wanted}, as {record.task} has it, got {got}; "
                "run it again with this version"
            )
    _check_model(made.model)
    name = f"{plan.stem(record.task, record.sampler, made, record.data)}-{record.seed}"
    if record.run != name:
        raise RecordError(f"{record.run}: what the record holds is a run named {name}")


@cache
def _check_model(name: str) -> None:
    parameters = models.build(name).dim  # which takes no memory, however large the model is
    if parameters > MOST_PARAMETERS:
        raise RecordError(
            f"expected a model of at most {MOST_PARAMETERS} parameters, got {name}, {parameters}"
        )


def numerics_of(record: Record) -> str:
    """Return the numerics version that a run was made with."""
    return numerics.identity_of(record.sampler, record.configuration).numerics


def check_declared(record: Record) -> None:
    """Check that a run was made with code of the declared numerics version.

    Raises:
        RecordError: It was not: others could not repeat it.
    """
    wanted, got = str(numerics.declared().version), numerics_of(record)
    if wanted != got:
        why = "its code is a local version" if "+" in got else "it has another version"
        raise RecordError(
            f"{record.run}: expected numerics version {wanted}, got {got}: {why}; run it again "
            "with the code as it is released, or see `bdlbench numerics`"
        )


def check_board(found: Sequence[Record]) -> None:
    """Check that runs of one task, model, budget and data may be compared.

    Raises:
        RecordError: A sampler or a run is there twice.
    """
    stems: dict[str, Record] = {}
    seeds: dict[tuple[str, int], Record] = {}
    for record in found:
        twin = stems.setdefault(identity(record), record)
        if _present_stem(twin) != _present_stem(record):
            raise RecordError(
                f"{twin.run} and {record.run} are two records for one run: the same sampler with "
                "the same settings, of different code or on different devices; keep one"
            )
        other = seeds.setdefault((identity(record), record.seed), record)
        if other is not record:
            raise RecordError(f"{other.run} and {record.run} are two records for one run: keep one")


def check_data(new: Sequence[Record], others: Iterable[Record]) -> None:
    """Check that new runs are on known data: the official files, or those of other runs.

    Raises:
        RecordError: One is on unknown data, which cannot be checked.
    """
    published = list(others)
    for record in new:
        known = [other.data for other in published if other.task == record.task]
        if record.task in origins.USUAL:
            known = [origins.USUAL[record.task], *known]
        if known and record.data not in known:
            differing = [name for name in record.data if record.data[name] != known[0].get(name)]
            raise RecordError(
                f"{record.run}: expected the data that {record.task} is published with, got "
                f"another {' and '.join(differing)} set"
            )


def _present_stem(record: Record) -> str:
    """Return the name that a run would have today, without its seed."""
    found = numerics.identity_of(record.sampler, record.configuration)
    sampler = replace(record.sampler, source_sha256=found.source_sha256)
    made = replace(record.configuration, numerics=found.numerics, protocol=None, code_sha256=None)
    return plan.stem(record.task, sampler, made, record.data)


def identity(record: Record) -> str:
    """Return what identifies a sampler on a board: its name and its hyperparameters."""
    return documents.to_json([record.sampler.name, record.sampler.settings])


def check_inputs(record: Record, sets: Mapping[str, Predictions], labels: Labels) -> None:
    """Check that a run predicted the same inputs as the others.

    Args:
        record: Of the run.
        sets: Its predictions.
        labels: What the inputs are; a set that is not in there yet is added.

    Raises:
        RecordError: There are other sets, inputs or draws than there should be.
    """
    wanted = ["test", *tasks.get(record.task).ood]
    if sorted(sets) != sorted(wanted):
        raise RecordError(f"{record.run}: expected predictions for {wanted}, got {sorted(sets)}")
    for name, found in sets.items():
        if not np.array_equal(found.labels, labels.setdefault(name, found.labels)):
            raise RecordError(f"{record.run}: the labels of its {name} set are not the task's")
        if len(found.votes) != record.draws:
            raise RecordError(
                f"{record.run}: expected {record.draws} draws, as its record says, got "
                f"{len(found.votes)} in its {name} set"
            )
