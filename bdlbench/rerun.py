"""Repeat a run from its record, and say how near the repetition comes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bdlbench import execution, plan, records, tasks
from bdlbench.errors import BdlbenchError
from bdlbench.execution import Means
from bdlbench.fidelity import total_variation
from bdlbench.job import Job
from bdlbench.predictions import Predictions
from bdlbench.records import Record
from bdlbench.settings import Spec

Sets = Mapping[str, Predictions]
IDENTICAL, WITHIN, BEYOND = "identical", "within the seed spread", "beyond the seed spread"
NOT_IDENTICAL, ANOTHER_OUTCOME = "not identical on an equal machine", "another outcome"
TWICE = 2.0  # as far as two seeds are apart: a distance between two runs is itself uncertain
_ROUNDING = 1e-6  # of float32


def plan_again(record: Record, reference: str | None, data_dir: Path | None, results: Path) -> Job:
    """Make the job of a run from its record, to be carried out with the code that is here.

    Args:
        record: Of the run.
        reference: File of the sampler, if it is not an installed one.
        data_dir: Folder that data is looked for in first.
        results: Folder that the repetition is kept in.

    Raises:
        BdlbenchError: The run cannot be repeated with the code and the data that are here.
    """
    made, task = record.configuration, tasks.get(record.task)
    settings = tuple((name, str(value)) for name, value in record.sampler["settings"].items())
    sampler = plan.contend(Spec(reference or record.sampler["name"], settings), task)
    budget = made["budget"]
    setup, _ = plan.set_up(
        task.name,
        made["model"],
        budget["epochs"],
        made["split"],
        data_dir,
        results,
        made["device"],
        budget["draws"],
    )
    ((job,),) = plan.jobs([sampler], setup, plan.fingerprints(setup), [record.seed])
    # The name that it would have, had it been made with the versions of then.
    configuration = {**job.configuration, "code_sha256": made["code_sha256"]}
    then = {**job.sampler, "source_sha256": record.sampler["source_sha256"]}
    run = f"{plan.stem(task.name, then, configuration, job.data)}-{job.seed}"
    if run != record.run:
        raise BdlbenchError(
            f"{record.run} cannot be repeated: here it would be {run}, since the data differ"
        )
    return job


def rerun(
    record: Record,
    sets: Sets,
    reference: str | None,
    data_dir: Path | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Repeat a run, and compare predictions.

    With the same processor, code and versions they must be the same bit for bit. Elsewhere
    rounding differs, and a long chain forgets where it began: the repetition is then as good as
    another seed, and it is held to that. The run is repeated with the next seed, too, and for every
    set of inputs the total variation between the original and its repetition may be at most twice
    that between the two repetitions. What is smaller than what seeds change, this cannot see.

    Another version of the sampler may be another sampler: its predictions prove the run if they
    are the same, and say nothing of it if they are not.

    Args:
        record: Of the run.
        sets: Its predictions; none if it did not complete.
        reference: File of the sampler, if it is not an installed one.
        data_dir: Folder that data is looked for in first.
        say: Called with what is being done.

    Returns:
        The verdict, the digests of sampler and code that it was repeated with, and the distances
        and what they may be by set.

    Raises:
        BdlbenchError: The run cannot be repeated here.
    """
    with TemporaryDirectory() as space:
        job = plan_again(record, reference, data_dir, Path(space))
        now, then = _versions(job), _versions(record)
        equal = {name: now[name] == then[name] for name in now}
        others = [name.removesuffix("_sha256") for name, same in equal.items() if not same]
        say(f"repeating {record.run}" + (f", with other {' and '.join(others)}" if others else ""))
        again, found = _carry_out(job)
        if again.outcome == record.outcome and _same(sets, found):
            return {"verdict": IDENTICAL, **now}
        if not equal["source_sha256"]:
            raise BdlbenchError(
                f"{record.run} was made with another version of sampler {job.sampler['name']} "
                f"({then['source_sha256'][:12]}, here it is {now['source_sha256'][:12]}), and this "
                "one does not give the same; install that version to repeat it"
            )
        if again.outcome != record.outcome:
            what = {"outcome": again.outcome, "reason": again.reason}
            return {"verdict": ANOTHER_OUTCOME, **what, **now}
        if not others and again.environment == record.environment:
            return {"verdict": NOT_IDENTICAL, **now}
        say("its predictions differ; repeating it with the next seed, to see what seeds change")
        run = f"{job.run.rpartition('-')[0]}-{job.seed + 1}"
        _, other = _carry_out(replace(job, seed=job.seed + 1, run=run))
    if other.keys() != sets.keys():
        raise BdlbenchError(f"{run} did not complete; without it there is no tolerance")
    distance = {name: _apart(sets[name], found[name]) for name in sets}
    tolerance = {name: TWICE * _apart(found[name], other[name]) + _ROUNDING for name in sets}
    near = all(distance[name] <= tolerance[name] for name in sets)
    return {
        "verdict": WITHIN if near else BEYOND,
        **now,
        "total_variation": distance,
        "tolerance": tolerance,
    }


def _versions(made: Job | Record) -> dict[str, str]:
    code = made.configuration["code_sha256"]
    return {"source_sha256": made.sampler["source_sha256"], "code_sha256": code}


def _carry_out(job: Job) -> tuple[Record, Sets]:
    record = execution.carry_out([job], Means(jobs=1))[job.run]
    if record.outcome != records.COMPLETED:
        return record, {}
    return record, records.read_predictions(records.folder_of(job.results, job.run), record)


def _same(a: Sets, b: Sets) -> bool:
    return a.keys() == b.keys() and all(
        np.array_equal(array, getattr(b[name], field))
        for name in a
        for field, array in vars(a[name]).items()
    )


def _apart(a: Predictions, b: Predictions) -> float:
    return total_variation(a.probabilities, b.probabilities)
