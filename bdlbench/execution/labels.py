"""Short names of runs, for progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bdlbench.runs.job import Job
from bdlbench.settings import Setting


def labels(jobs: Sequence[Job]) -> dict[str, str]:
    """Name runs by sampler and seed, and by what else is not the same in all of them."""
    alike: dict[str, dict[str, Mapping[str, Setting]]] = {}
    for job in jobs:
        stem = job.run.rpartition("-")[0]
        alike.setdefault(job.sampler.name, {})[stem] = job.sampler.settings
    varied = {name: _varied(list(settings.values())) for name, settings in alike.items()}
    several = _varied([_shared(job) for job in jobs])
    found = {}
    for job in jobs:
        words = [value for name, value in _shared(job).items() if name in several]
        settings = ",".join(
            f"{name}={value}"
            for name, value in job.sampler.settings.items()
            if name in varied[job.sampler.name]
        )
        sampler = f"{job.sampler.name}:{settings}" if settings else job.sampler.name
        found[job.run] = " ".join((*words, sampler, f"seed {job.seed}"))
    return found


def _shared(job: Job) -> dict[str, str]:
    made = job.configuration
    return {"task": job.task, "model": made.model, "epochs": f"{made.epochs:g} epochs"}


def _varied(rows: Sequence[Mapping[str, Setting]]) -> set[str]:
    """Return the names whose values are not the same in all rows."""
    first = rows[0]
    return {
        name
        for row in rows
        for name in row.keys() | first.keys()
        if row.get(name) != first.get(name)
    }
