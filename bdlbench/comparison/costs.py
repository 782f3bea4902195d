"""Estimate the time of runs from that of stored runs."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from bdlbench.execution.pool import ExecutionOptions, finished
from bdlbench.records import store
from bdlbench.records.record import COMPLETED, Record
from bdlbench.runs import machine
from bdlbench.runs.job import Job

Known = Mapping[tuple[str, ...], float]


def preview(jobs: Sequence[Job], results: Path, execution: ExecutionOptions) -> Iterator[str]:
    """Yield one line per job, with its estimated time or "done", and the total."""
    stored = {} if execution.force else finished(jobs)
    known = seconds_per_epoch(results)
    costs = {job.run: estimate(job, known) for job in jobs if job.run not in stored}
    for job in jobs:
        cost = costs.get(job.run)
        time = "unknown" if cost is None else f"about {duration(cost)}"
        settings = ",".join(f"{name}={value}" for name, value in job.sampler.settings.items())
        yield f"{job.run}  {'done' if job.run in stored else time}  {settings}"
    total = sum(cost for cost in costs.values() if cost is not None)
    unknown = sum(cost is None for cost in costs.values())
    workers = min(execution.jobs or machine.cores(), max(1, len(costs)))
    yield (
        f"{len(jobs)} runs: {len(stored)} done, {len(costs)} left; about {duration(total)} of "
        f"computation, {duration(total / workers)} with {workers} in parallel"
        + (f", plus {unknown} runs of unknown cost" if unknown else "")
    )


def seconds_per_epoch(results: Path) -> Known:
    """Return the median seconds per epoch by (model, task, sampler), (model, task) and (model,)."""
    samples: dict[tuple[str, ...], list[float]] = {}
    for _, record in store.read_all(results):
        if record is not None and record.outcome == COMPLETED and record.epochs > 0:
            for key in _keys(record.configuration.model, record.task, record.sampler.name):
                samples.setdefault(key, []).append(_seconds(record) / record.epochs)
    return {key: statistics.median(values) for key, values in samples.items()}


def estimate(job: Job, known: Known) -> float | None:
    """Estimate the seconds of a job from the most similar runs; None if there are none."""
    keys = _keys(job.configuration.model, job.task, job.sampler.name)
    cost = next((known[key] for key in keys if key in known), None)
    return None if cost is None else cost * job.configuration.epochs


def duration(seconds: float) -> str:
    """Format seconds: ``40 s``, ``3.5 min``, ``2.1 h``."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"


def _keys(model: str, task: str, sampler: str) -> tuple[tuple[str, ...], ...]:
    return (model, task, sampler), (model, task), (model,)


def _seconds(record: Record) -> float:
    return float(record.measured["seconds"] + record.measured["evaluation_seconds"])
