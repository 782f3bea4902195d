"""Run samplers for a study, and read their predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bdlbench import registry
from bdlbench.comparison.compare import compare as compare_samplers
from bdlbench.comparison.result import Comparison
from bdlbench.records import store
from bdlbench.runs import tasks
from bdlbench.settings import Setting, Spec


def compare(study: Any, samplers: Sequence[str], out: Path, **given: Any) -> Comparison:
    """Run samplers with the task, epochs, seeds and jobs of a study, or those given."""
    request = {key: getattr(study, key) for key in ("task", "epochs", "seeds", "jobs")} | given
    return compare_samplers(samplers, results=out / "runs", quiet=False, **request)


def predictions(
    comparison: Comparison, samplers: Sequence[str]
) -> dict[str, list[Mapping[str, Any]]]:
    """Return the predictions of every completed run, by sampler; one dict of sets per run."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for text, row in zip(samplers, comparison.rows, strict=True):
        folders = [store.folder_of(comparison.setup.results, run) for run in row.runs]
        found[text] = [store.read_predictions(folder, store.read(folder)) for folder in folders]
    return found


def sgld_of(task: str, **settings: Setting) -> Any:
    """Return SGLD with the task's default hyperparameters, overridden by `settings`."""
    defaults = tasks.get(task).settings.get("sgld", {})
    return registry.create("samplers", Spec("sgld"), {**defaults, **settings})
