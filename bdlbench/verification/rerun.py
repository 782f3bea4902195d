"""Repeat a run from its record, and compare the predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from bdlbench.errors import BdlbenchError
from bdlbench.execution import pool
from bdlbench.execution.pool import ExecutionOptions
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import COMPLETED, Record
from bdlbench.reference.fidelity import total_variation
from bdlbench.runs import numerics, plan, tasks
from bdlbench.runs.job import Job
from bdlbench.runs.numerics import Identity
from bdlbench.settings import Spec

Sets = Mapping[str, Predictions]
IDENTICAL, WITHIN, BEYOND = "identical", "within the seed spread", "beyond the seed spread"
NOT_IDENTICAL, ANOTHER_OUTCOME = "not identical on an equal machine", "another outcome"
TWICE = 2.0  # as far as two seeds are apart: a distance between two runs is itself uncertain
_ROUNDING = 1e-6  # of float32
_EQUAL = ("model", "prior_std", "budget", "split", "device", "settings")


_GIVES = {
    NOT_IDENTICAL: "predictions that are not identical, on an equal machine",
    BEYOND: "predictions that are further off than another seed's",
    ANOTHER_OUTCOME: "another outcome",
}


@dataclass(frozen=True)
class Repetition:
    """The outcome of repeating a run.

    Args:
        verdict: How near it comes: `IDENTICAL`, `WITHIN`, `BEYOND`, `NOT_IDENTICAL` or
            `ANOTHER_OUTCOME`.
        numerics: The numerics version that the run was repeated with.
        source_sha256: SHA-256 of the sampler's file, as in `Identity`.
        outcome: Of the repetition, with its reason, if it is another.
        reason: Why.
        total_variation: Distance to the original by set, where bits need not be the same.
        tolerance: What it may be.
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
        """The reason against the run; empty if there is none."""
        return _GIVES.get(self.verdict, "")


def plan_again(record: Record, reference: str | None, data_dir: Path | None, results: Path) -> Job:
    """Make the job of a run from its record, to be executed with the current code.

    Args:
        record: Of the run.
        reference: File of the sampler, if it is not an installed one.
        data_dir: Folder searched for data first.
        results: Folder for the repetition.

    Raises:
        BdlbenchError: The run cannot be repeated with the code and the data that are here.
    """
    made, task = record.configuration, tasks.get(record.task)
    settings = tuple((name, str(value)) for name, value in record.sampler.settings.items())
    sampler = plan.configure_sampler(Spec(reference or record.sampler.name, settings), task)
    setup, _ = plan.set_up(
        task.name,
        made.model,
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


def _check_equal(record: Record, job: Job) -> None:
    """Check that a repetition has the same configuration; the code may be of another version."""
    asked = {**record.configuration.content(), "settings": record.sampler.settings}
    found = {**job.configuration.content(), "settings": job.sampler.settings}
    pairs = {name: (asked[name], found[name]) for name in _EQUAL}
    pairs |= {f"{name} data": (digest, job.data.get(name)) for name, digest in record.data.items()}
    for name, (then, now) in pairs.items():
        if then != now:
            raise BdlbenchError(
                f"{record.run} cannot be repeated: its {name} was {_short(then)}, here it is "
                f"{_short(now)}"
            )


def _short(value: object) -> str:
    return value[:12] if isinstance(value, str) else str(value)


def rerun(
    record: Record,
    sets: Sets,
    reference: str | None,
    data_dir: Path | None,
    say: Callable[[str], None],
) -> Repetition:
    """Repeat a run, and compare predictions.

    With the same processor, code and versions they must be bitwise identical. Elsewhere rounding
    differs, and a long chain becomes independent of its initial state: the repetition is then
    equivalent to another seed. Therefore the run is also repeated with the next seed, and for every
    set of inputs the total variation between the original and its repetition may be at most twice
    that between the two repetitions. Smaller differences cannot be detected.

    Another version of the sampler may be another sampler: its predictions prove the run if they
    are the same, and say nothing of it if they are not.

    Args:
        record: Of the run.
        sets: Its predictions; none if it did not complete.
        reference: File of the sampler, if it is not an installed one.
        data_dir: Folder searched for data first.
        say: Called with what is being done.

    Raises:
        BdlbenchError: The run cannot be repeated here.
    """
    with TemporaryDirectory() as space:
        job = plan_again(record, reference, data_dir, Path(space))
        now, then = (numerics.identity_of(run.sampler, run.configuration) for run in (job, record))
        facts = now.numerics, now.source_sha256
        others = ["file of the sampler"] if now.source_sha256 != then.source_sha256 else []
        others += ["numerics version"] if now.numerics != then.numerics else []
        more = f", with another {' and '.join(others)}" if others else ""
        say(f"repeating {record.run}{more}")
        again, found = _carry_out(job)
        if again.outcome == record.outcome and _same(sets, found):
            return Repetition(IDENTICAL, *facts)
        if now.source_sha256 != then.source_sha256:
            raise BdlbenchError(
                f"{record.run} was made with another version of sampler {job.sampler.name} "
                f"({_source(then)}, here it is {_source(now)}), and this one does not give the "
                "same; install that version to repeat it"
            )
        if again.outcome != record.outcome:
            return Repetition(ANOTHER_OUTCOME, *facts, again.outcome, again.reason)
        if not others and again.environment == record.environment:
            return Repetition(NOT_IDENTICAL, *facts)
        say("its predictions differ; repeating it with the next seed, to see what seeds change")
        run = f"{job.run.rpartition('-')[0]}-{job.seed + 1}"
        _, other = _carry_out(replace(job, seed=job.seed + 1, run=run))
    if other.keys() != sets.keys():
        raise BdlbenchError(f"{run} did not complete; without it there is no tolerance")
    distance = {name: _apart(sets[name], found[name]) for name in sets}
    tolerance = {name: TWICE * _apart(found[name], other[name]) + _ROUNDING for name in sets}
    near = all(distance[name] <= tolerance[name] for name in sets)
    verdict = WITHIN if near else BEYOND
    return Repetition(verdict, *facts, total_variation=distance, tolerance=tolerance)


def _source(identity: Identity) -> str:
    return identity.source_sha256[:12] or f"numerics version {identity.numerics}"


def _carry_out(job: Job) -> tuple[Record, Sets]:
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


def _apart(a: Predictions, b: Predictions) -> float:
    return total_variation(a.probabilities, b.probabilities)
