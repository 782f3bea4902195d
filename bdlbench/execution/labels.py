"""Short names of runs, for progress."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bdlbench.runs.job import Job
from bdlbench.settings import Setting, Spec, differing


def labels(jobs: Sequence[Job]) -> dict[str, str]:
    """Name runs by sampler and seed, and by what else is not the same in all of them."""
    alike: dict[str, dict[str, Mapping[str, Setting]]] = {}
    for job in jobs:
        stem = job.run.rpartition("-")[0]
        alike.setdefault(job.sampler.name, {})[stem] = job.sampler.settings
    places = list({tuple(_shared(job).items()): _shared(job) for job in jobs}.values())
    found = {}
    for job in jobs:
        words = differing(_shared(job), places).values()
        settings = differing(job.sampler.settings, alike[job.sampler.name].values())
        pairs = tuple((name, str(value)) for name, value in settings.items())
        sampler = str(Spec(job.sampler.name, pairs))
        found[job.run] = " ".join((*map(str, words), sampler, f"seed {job.seed}"))
    return found


def _shared(job: Job) -> dict[str, Setting]:
    made = job.configuration
    return {"task": job.task, "model": made.model, "epochs": f"{made.epochs:g} epochs"}
