"""Run samplers for a study, and read what they predicted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bdlbench import registry
from bdlbench.comparison.compare import run_comparison
from bdlbench.comparison.summary import Comparison
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import COMPLETED
from bdlbench.runs import plan, tasks
from bdlbench.settings import Setting, Spec, parse


def compare(samplers: Sequence[str], out: Path, **request: Any) -> Comparison:
    """Compare samplers, with a progress bar; runs are stored in the study's folder.

    Args:
        samplers: As for `run_comparison`.
        out: Folder of the study.
        **request: Task, epochs, seeds, jobs and more, as for `run_comparison`.
    """
    return run_comparison(samplers, results=out / "runs", quiet=False, **request)


def predictions(
    comparison: Comparison, samplers: Sequence[str]
) -> dict[str, list[Mapping[str, Predictions]]]:
    """Return the predictions for every set of every completed run, by sampler.

    Args:
        comparison: As `compare` returned it.
        samplers: As they were given to it.
    """
    setup = comparison.setup
    candidates = [plan.configure_sampler(parse(text), setup.task) for text in samplers]
    groups = plan.jobs(candidates, setup, plan.fingerprints(setup), comparison.seeds)
    found: dict[str, list[Mapping[str, Predictions]]] = {}
    for text, jobs in zip(samplers, groups, strict=True):
        kept = [(job, store.read(store.folder_of(setup.results, job.run))) for job in jobs]
        found[text] = [
            store.read_predictions(store.folder_of(setup.results, job.run), record)
            for job, record in kept
            if record.outcome == COMPLETED
        ]
    return found


def sgld_of(task: str, **settings: Setting) -> Any:
    """Return SGLD as a task sets it, but for these settings."""
    defaults = tasks.get(task).settings.get("sgld", {})
    return registry.create("samplers", Spec("sgld"), {**defaults, **settings})
