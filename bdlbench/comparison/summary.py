"""Summarize runs: one row per sampler, and its differences from the baseline."""

from __future__ import annotations

import re
from collections import ChainMap, Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bdlbench.checks.certificate import NONE, NOT_CERTIFIED
from bdlbench.comparison import run_state
from bdlbench.comparison.run_state import UNKNOWN
from bdlbench.metrics import regression, scores
from bdlbench.metrics.statistics import Difference, Interval, Verdict, seed_interval
from bdlbench.records import store
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import Sets
from bdlbench.records.record import COMPLETED, DIVERGED, Record
from bdlbench.reference import fidelity
from bdlbench.reference.reference import Reference
from bdlbench.runs.plan import Setup
from bdlbench.settings import Setting

ECE, NULL = "expected_calibration_error", "ece_if_calibrated"
HEADLINE = ("accuracy", "negative_log_likelihood", "brier_score", ECE)
HEADLINE_REAL = ("lppd", "rmse", "crps", "pit_calibration_error")
COLLAPSED = 0.01  # of classes: draws with a smaller epistemic share are nearly identical
COSTS = ("epochs", "seconds", "peak_memory_bytes")


@dataclass(frozen=True)
class Row:
    """The summary of one sampler's runs.

    Args:
        sampler: Name and the hyperparameters given.
        settings: All hyperparameters.
        outcomes: Number of runs by outcome.
        reasons: Distinct reasons of failed runs.
        reused: Number of runs that were already stored.
        metrics: Mean and 95 % confidence interval over completed seeds, by name; costs included.
        certificate: As returned by `certificate.read`; ``–`` if a run has diverged.
        collapsed: Whether the sampler yields multiple draws that are nearly identical.
        runs: Names of the completed runs.
        run: Whether they are at rest, from `run_state.describe`.
    """

    sampler: str
    settings: dict[str, Setting]
    outcomes: dict[str, int]
    reasons: tuple[str, ...]
    reused: int
    metrics: dict[str, Interval]
    certificate: str = NOT_CERTIFIED
    collapsed: bool = False
    runs: tuple[str, ...] = ()
    run: str = UNKNOWN


def looks_calibrated(row: Row) -> bool:
    """Return whether the ECE is no larger than chance makes that of a calibrated predictor."""
    found, most = row.metrics.get(ECE), row.metrics.get(f"{NULL}_at_most")
    return found is not None and most is not None and found.mean <= most.mean


@dataclass(frozen=True)
class Summary:
    """What the runs of a comparison show.

    Args:
        setup: Task, model, budget and split, shared by all samplers.
        note: Why this task, if it was not given.
        seeds: Seeds of each sampler.
        rows: One row per sampler, in the order given.
        differences: Differences from the baseline: (sampler, difference).
        baseline: Index of the row that the others are compared with.
        controls: AUROC of scores of the pixels alone, by OOD set and control.
        floor: Agreement and TV between the halves of the reference; empty without one.
        reference_note: Why the reference is not available; may be empty.
        metrics: Names of further metrics to compare on.
    """

    setup: Setup
    note: str
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    differences: tuple[tuple[str, Difference], ...]
    controls: dict[str, dict[str, float]]
    floor: dict[str, float] = field(default_factory=dict)
    reference_note: str = ""
    baseline: int = 0
    metrics: tuple[str, ...] = ()

    @property
    def headline(self) -> list[str]:
        """Names of the metrics that samplers are compared on."""
        task = self.setup.task
        return [*headline(task.ood_names, self.setup.split, task.kind), *self.metrics]

    def verdict(self, sampler: str, metric: str) -> Verdict | None:
        """Return the verdict on a sampler against the baseline, or None if there is none."""
        for name, difference in self.differences:
            if (name, difference.metric) == (sampler, metric):
                return difference.verdict
        return None

    @property
    def compared(self) -> list[str]:
        """Names of the metrics with a verdict."""
        return [*self.headline, *confident_fractions(self.headline)]


def summarize(
    sampler: str,
    settings: dict[str, Setting],
    certificate: str,
    group: Sequence[Record],
    predictions: Mapping[int, Sets],
    reference: Reference | None,
    reused: Mapping[str, Record],
) -> Row:
    """Summarize the runs of one sampler.

    Args:
        sampler: Label of the row.
        settings: All hyperparameters.
        certificate: Verdict of `certificate.read`.
        group: Records of all seeds, completed or not.
        predictions: Predictions of completed runs, by seed and set.
        reference: The reference, if available.
        reused: Records that were already stored, by name.
    """
    completed = [record for record in group if record.outcome == COMPLETED]
    values: dict[str, list[float]] = {}
    for record in completed:
        costs = {"epochs": record.epochs, **record.measured}
        for name, value in (*record.metrics.items(), *((cost, costs[cost]) for cost in COSTS)):
            values.setdefault(name, []).append(value)
    return Row(
        sampler=sampler,
        settings=settings,
        outcomes=dict(Counter(record.outcome for record in group)),
        reasons=tuple(dict.fromkeys(record.reason for record in group if record.reason)),
        reused=sum(record.run in reused for record in group),
        certificate=NONE if any(record.outcome == DIVERGED for record in group) else certificate,
        runs=tuple(record.run for record in completed),
        run=run_state.describe(completed),
        collapsed=any(
            record.draws > 1 and _identical(record, predictions[record.seed])
            for record in completed
        ),
        metrics={name: seed_interval(series) for name, series in values.items()}
        | run_state.measured(completed)
        | fidelity.measure([(record, predictions[record.seed]) for record in completed], reference),
    )


def _identical(record: Record, sets: Sets) -> bool:
    """Return whether the draws of a run are nearly identical in their predictions."""
    found = scores.in_distribution(sets)
    if isinstance(found, Densities):
        return regression.nearly_identical(found)
    return record.metrics["epistemic_share"] < COLLAPSED


def confident_fractions(headline: Sequence[str]) -> list[str]:
    """Return the confident fraction on each OOD set of a headline; of classes only."""
    if "accuracy" not in headline:
        return []
    aurocs = [name for name in headline if re.fullmatch(r"ood\.[^.]+\.auroc", name)]
    return [name.replace(".auroc", ".confident_fraction") for name in aurocs]


def headline(ood: Sequence[str], split: str, kind: str = "classes") -> list[str]:
    """Return the metrics that samplers are ranked on.

    Args:
        ood: Names of the task's OOD sets.
        split: ``test``, or ``validation``, which has no OOD sets.
        kind: What is predicted: ``classes``, or ``real`` targets.
    """
    aurocs = [] if split == "validation" else [f"ood.{name}.auroc" for name in ood]
    return [*(HEADLINE_REAL if kind == "real" else HEADLINE), *aurocs]


def read_predictions(results: Path, group: Sequence[Record]) -> dict[int, Sets]:
    """Read the predictions of completed runs, by seed and set."""
    return {
        record.seed: store.read_predictions(store.folder_of(results, record.run), record)
        for record in group
        if record.outcome == COMPLETED
    }


def rescored(
    group: Sequence[Record], predictions: Mapping[int, Sets], chosen: Sequence[str] = ()
) -> list[Record]:
    """Add metrics that records do not have, without changing them on disk.

    All metrics of an earlier version are recomputed. Those of plugins, and built-in ones that were
    added since, are computed from the predictions.

    Args:
        group: Records, completed or not.
        predictions: Predictions of completed runs, by seed and set.
        chosen: Names of metrics that are plugins and not installed.
    """
    return [
        replace(record, metrics=_complete(record, predictions[record.seed], chosen))
        if record.outcome == COMPLETED
        else record
        for record in group
    ]


def _complete(record: Record, sets: Sets, chosen: Sequence[str]) -> dict[str, float]:
    plugins = scores.of_plugins(sets, chosen)
    if record.scoring != scores.VERSION:
        return scores.score(sets) | plugins
    added = [each for each in scores.METRICS if each.name in scores.ADDED - record.metrics.keys()]
    values = [scores.measure(metric, sets) for metric in added]
    return dict(record.metrics) | dict(ChainMap(*values)) | plugins
