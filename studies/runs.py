"""Run samplers for a study, and read their predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bdlbench import registry
from bdlbench.comparison.compare import compare as compare_samplers
from bdlbench.comparison.result import Comparison
from bdlbench.records import store
from bdlbench.records.record import COMPLETED
from bdlbench.runs import plan, tasks
from bdlbench.settings import Setting, Spec, parse


def compare(study: Any, samplers: Sequence[str], out: Path, **given: Any) -> Comparison:
    """Run samplers with the task, epochs, seeds and jobs of a study, or those given."""
    request = {key: getattr(study, key) for key in ("task", "epochs", "seeds", "jobs")} | given
    return compare_samplers(samplers, results=out / "runs", quiet=False, **request)


def predictions(
    comparison: Comparison, samplers: Sequence[str]
) -> dict[str, list[Mapping[str, Any]]]:
    """Return the predictions of every completed run, by sampler; one dict of sets per run."""
    setup = comparison.setup
    candidates = [plan.configure_sampler(parse(text), setup.task) for text in samplers]
    groups = plan.jobs(candidates, setup, plan.fingerprints(setup), comparison.seeds)
    by_sampler: dict[str, list[Mapping[str, Any]]] = {text: [] for text in samplers}
    for runs, jobs in zip(by_sampler.values(), groups, strict=True):
        for folder in (store.folder_of(setup.results, job.run) for job in jobs):
            record = store.read(folder)
            if record.outcome == COMPLETED:
                runs.append(store.read_predictions(folder, record))
    return by_sampler


def sgld_of(task: str, **settings: Setting) -> Any:
    """Return SGLD with the task's default hyperparameters, overridden by `settings`."""
    defaults = tasks.get(task).settings.get("sgld", {})
    return registry.create("samplers", Spec("sgld"), {**defaults, **settings})
