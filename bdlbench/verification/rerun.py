"""Repeat a run from its record, and compare the predictions."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bdlbench import registry
from bdlbench.errors import BdlbenchError
from bdlbench.execution import pool
from bdlbench.execution.pool import ExecutionOptions
from bdlbench.records import store
from bdlbench.records.predictions import Predicted, Sets
from bdlbench.records.record import COMPLETED, Configuration, Record
from bdlbench.reference import fidelity
from bdlbench.runs import chosen_models, numerics, plan, tasks
from bdlbench.runs.built_in_tasks import TASKS
from bdlbench.runs.job import Job
from bdlbench.runs.task import Task
from bdlbench.settings import Spec

IDENTICAL, WITHIN, BEYOND = "identical", "within the seed spread", "beyond the seed spread"
NOT_IDENTICAL, ANOTHER_OUTCOME = "not identical on an equal machine", "another outcome"
TWICE = 2.0  # times the distance between two seeds, since that of a single pair is noisy
_ROUNDING = 1e-6  # of float32
_EQUAL = ("model", "prior_std", "budget", "split", "device", "settings", "likelihood")
_SOURCES = {  # digests in a run's configuration, beside the sampler's
    "model file": "model_sha256",
    "likelihood": "likelihood_sha256",
}
_FAILURES = {
    NOT_IDENTICAL: "predictions that are not identical, on an equivalent machine",
    BEYOND: "predictions that differ by more than those of another seed",
    ANOTHER_OUTCOME: "a different outcome",
}


@dataclass(frozen=True)
class Repetition:
    """The outcome of repeating a run.

    Args:
        verdict: `IDENTICAL`, `WITHIN`, `BEYOND`, `NOT_IDENTICAL` or `ANOTHER_OUTCOME`.
        numerics: The numerics version of the repetition.
        source_sha256: SHA-256 of the sampler's file, as in `Identity`.
        outcome: The outcome of the repetition, if it differs.
        reason: The reason of that outcome.
        total_variation: Distance from the original by set, if the predictions may differ.
        tolerance: Largest accepted distance, by set.
    """

    verdict: str
    numerics: str
    source_sha256: str
    outcome: str | None = None
    reason: str | None = None
    total_variation: dict[str, float] | None = None
    tolerance: dict[str, float] | None = None

    @property
    def wrong(self) -> str:
        """Why the run is not confirmed; empty if it is."""
        return _FAILURES.get(self.verdict, "")


@dataclass(frozen=True)
class Files:
    """The plugins of a run that are not installed.

    Args:
        sampler: File of the sampler.
        task: File of the task.
        model: File of the model, unless it is the task's.
    """

    sampler: str | None = None
    task: str | None = None
    model: str | None = None


def plan_again(record: Record, given: Files, data_dir: Path | None, results: Path) -> Job:
    """Return the job that repeats a run with the current code.

    Args:
        record: Record of the run.
        given: Its plugins that are not installed.
        data_dir: Folder searched for data first.
        results: Folder for the repetition.

    Raises:
        BdlbenchError: The run cannot be repeated with the current code and the available data.
    """
    made = record.configuration
    _check_installed("task", record.task, given.task, [*TASKS, *registry.names("tasks")])
    _check_installed("sampler", record.sampler.name, given.sampler, registry.names("samplers"))
    task = tasks.get(given.task or record.task)
    settings = tuple((name, str(value)) for name, value in record.sampler.settings.items())
    sampler = plan.configure_sampler(Spec(given.sampler or record.sampler.name, settings), task)
    setup, _ = plan.set_up(
        given.task or task.name,
        _model(made, task, given),
        made.epochs,
        made.split,
        data_dir,
        results,
        made.device,
        made.draws,
    )
    ((job,),) = plan.jobs([sampler], setup, plan.fingerprints(setup), [record.seed])
    _check_equal(record, job)
    return job


def _check_installed(kind: str, name: str, file: str | None, known: Collection[str]) -> None:
    if not file and name not in known:
        raise BdlbenchError(f"no {kind} {name!r} is installed; give its file, --{kind} FILE.py")


def _model(made: Configuration, task: Task, given: Files) -> str | None:
    """Return the model of a run, None for the task's; its settings are those of the record."""
    name, colon, settings = made.model.partition(":")
    if given.model:
        return given.model if ".py:" in given.model else given.model + colon + settings
    if made.model == chosen_models.label(chosen_models.find(task.model)):
        return None
    if made.model_sha256 is not None:
        _check_installed("model", name, None, registry.names("models"))
    return made.model


def _check_equal(record: Record, job: Job) -> None:
    """Check that a repetition has the same configuration; the code may be of another version."""
    recorded = {**record.configuration.content(), "settings": record.sampler.settings}
    current = {**job.configuration.content(), "settings": job.sampler.settings}
    pairs = {name: (recorded.get(name), current.get(name)) for name in _EQUAL}
    pairs |= {f"{name} data": (digest, job.data.get(name)) for name, digest in record.data.items()}
    for name, (expected, actual) in pairs.items():
        if expected != actual:
            raise BdlbenchError(f"expected {name} {_short(expected)}, got {_short(actual)}")


def _short(value: object) -> str:
    return re.sub("([0-9a-f]{12})[0-9a-f]{52}", r"\1", str(value))


def rerun(
    record: Record,
    sets: Sets,
    given: Files,
    data_dir: Path | None,
    say: Callable[[str], None],
) -> Repetition:
    """Repeat a run, and compare predictions.

    With the same processor, code and versions they must be bitwise identical. Otherwise rounding
    differs, and chaotic divergence makes the repetition equivalent to another seed. Therefore the
    run is also repeated with the next seed, and for every set of inputs the total variation between
    the original and its repetition may be at most twice that between the two repetitions. Smaller
    differences cannot be detected.

    With another version of the sampler, identical predictions confirm the run, and different ones
    are inconclusive.

    Args:
        record: Record of the run.
        sets: Its predictions; empty if it did not complete.
        given: Its plugins that are not installed.
        data_dir: Folder searched for data first.
        say: Called with progress messages.

    Raises:
        BdlbenchError: The run cannot be repeated here.
    """
    with TemporaryDirectory() as space:
        job = plan_again(record, given, data_dir, Path(space))
        current, recorded = (
            numerics.identity_of(run.sampler, run.configuration) for run in (job, record)
        )
        versions = current.numerics, current.source_sha256
        edited = [] if current.source_sha256 == recorded.source_sha256 else ["sampler file"]
        for what, field in _SOURCES.items():
            if getattr(job.configuration, field) != getattr(record.configuration, field):
                edited.append(what)
        changes = edited + (["numerics version"] if current.numerics != recorded.numerics else [])
        note = f", with a different {' and '.join(changes)}" if changes else ""
        say(f"repeating {record.run}{note}")
        repeated, predictions = _run(job)
        if repeated.outcome == record.outcome and _same(sets, predictions):
            return Repetition(IDENTICAL, *versions)
        if edited:
            raise BdlbenchError(
                f"the {' and '.join(edited)} has changed since, and gives different predictions; "
                "restore the version of the run"
            )
        if repeated.outcome != record.outcome:
            return Repetition(ANOTHER_OUTCOME, *versions, repeated.outcome, repeated.reason)
        if not changes and repeated.environment == record.environment:
            return Repetition(NOT_IDENTICAL, *versions)
        say("its predictions differ; repeating it with the next seed, for the spread over seeds")
        run = f"{job.run.rpartition('-')[0]}-{job.seed + 1}"
        _, other_seed = _run(replace(job, seed=job.seed + 1, run=run))
    if other_seed.keys() != sets.keys():
        raise BdlbenchError(f"{run} did not complete; the tolerance cannot be computed")
    distance = {name: _distance(sets[name], predictions[name]) for name in sets}
    tolerance = {
        name: TWICE * _distance(predictions[name], other_seed[name]) + _ROUNDING for name in sets
    }
    within = all(distance[name] <= tolerance[name] for name in sets)
    verdict = WITHIN if within else BEYOND
    return Repetition(verdict, *versions, total_variation=distance, tolerance=tolerance)


def _run(job: Job) -> tuple[Record, Sets]:
    record = pool.complete([job], ExecutionOptions(jobs=1))[0][job.run]
    if record.outcome != COMPLETED:
        return record, {}
    return record, store.read_predictions(store.folder_of(job.results, job.run), record)


def _same(a: Sets, b: Sets) -> bool:
    return a.keys() == b.keys() and all(
        np.array_equal(array, getattr(b[name], field))
        for name in a
        for field, array in vars(a[name]).items()
    )


def _distance(a: Predicted, b: Predicted) -> float:
    return fidelity.distance(a, b)
