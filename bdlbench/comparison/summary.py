"""Summarize runs: a row per sampler, and its difference from the baseline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bdlbench.checks.certificate import NOT_CERTIFIED
from bdlbench.metrics import scores
from bdlbench.metrics.statistics import Difference, Interval, paired_differences, seed_interval
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import COMPLETED, Record
from bdlbench.reference import fidelity
from bdlbench.reference.reference import Reference
from bdlbench.runs.plan import Setup
from bdlbench.settings import Setting

if TYPE_CHECKING:
    import pandas as pd

HEADLINE = (
    "accuracy",
    "negative_log_likelihood",
    "brier_score",
    "expected_calibration_error",
)
COLLAPSED = 0.01  # of the uncertainty: with less from the draws' disagreement, they are as one
COSTS = ("epochs", "seconds", "peak_memory_bytes")


@dataclass(frozen=True)
class Row:
    """The summary of one sampler's runs.

    Args:
        sampler: Name and the settings that were asked for.
        settings: All settings.
        outcomes: Number of runs by outcome.
        reasons: Why runs failed, each reason once.
        reused: Number of runs that were on disk already.
        metrics: Mean and 95 % interval over the seeds that completed, by name; costs included.
        certificate: ``certified``, ``approximate``, ``point`` or ``not certified``.
        collapsed: Whether the draws of a sampler that yields several hardly differ.
    """

    sampler: str
    settings: dict[str, Setting]
    outcomes: dict[str, int]
    reasons: tuple[str, ...]
    reused: int
    metrics: dict[str, Interval]
    certificate: str = NOT_CERTIFIED
    collapsed: bool = False


@dataclass(frozen=True)
class Comparison:
    """The outcome of a comparison.

    Args:
        setup: What all samplers share.
        note: On the choice of the task, where it was ours.
        seeds: Of the runs.
        rows: One for each sampler, in the order given.
        differences: Of each sampler but the first against the first: (sampler, difference).
        controls: AUROC of scores that see no network, by OOD set and control.
        floor: Agreement and total variation between halves of the reference; empty without one.
        reference_note: Why there is no reference, where one is wanted.
    """

    setup: Setup
    note: str
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    differences: tuple[tuple[str, Difference], ...]
    controls: dict[str, dict[str, float]]
    floor: dict[str, float] = field(default_factory=dict)
    reference_note: str = ""

    @property
    def headline(self) -> list[str]:
        """Name the metrics that the samplers are compared on."""
        return headline(self.setup.task.ood, self.setup.split)

    def to_frame(self) -> pd.DataFrame:
        """Return a row per sampler: for every metric the mean, and low and high of the interval."""
        import pandas as pd

        table = []
        for row in self.rows:
            cells: dict[str, Any] = {"sampler": row.sampler, "outcomes": row.outcomes}
            for name, interval in row.metrics.items():
                cells[name] = interval.mean
                cells[f"{name}.low"], cells[f"{name}.high"] = interval.low, interval.high
            table.append(cells)
        return pd.DataFrame(table).set_index("sampler")


def summarize(
    sampler: str,
    settings: dict[str, Setting],
    certificate: str,
    group: Sequence[Record],
    predictions: Mapping[int, Mapping[str, Predictions]],
    reference: Reference | None,
    reused: Mapping[str, Record],
) -> Row:
    """Summarize one sampler's runs, one record per seed.

    Args:
        sampler: As it shall be called.
        settings: All of its settings.
        certificate: What `certificate.read` says of it.
        group: Records, completed or not.
        predictions: Of the runs that completed, by seed and set.
        reference: What they are to be near to, if there is one.
        reused: Those that were on disk already, by name.
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
        certificate=certificate,
        collapsed=any(
            record.draws > 1 and record.metrics["epistemic_share"] < COLLAPSED
            for record in completed
        ),
        metrics={name: seed_interval(series) for name, series in values.items()}
        | fidelity.measure([(record, predictions[record.seed]) for record in completed], reference),
    )


def differences(
    metrics: Sequence[str],
    labels: Sequence[str],
    predictions: Sequence[Mapping[int, Mapping[str, Predictions]]],
) -> tuple[tuple[str, Difference], ...]:
    """Compare every sampler with the first, on the seeds that both completed.

    Args:
        metrics: To compare on.
        labels: Of the samplers.
        predictions: Of each sampler, by seed and set.

    Returns:
        Pairs of a sampler's label and its difference from the first, per metric.
    """
    first, *others = predictions
    pairs = {}
    for label, other in zip(labels[1:], others, strict=True):
        if seeds := sorted(first.keys() & other.keys()):
            pairs[label] = [first[seed] for seed in seeds], [other[seed] for seed in seeds]
    if not pairs:
        return ()
    columns = [paired_differences(metric, list(pairs.values())) for metric in metrics]
    return tuple(
        (label, difference)
        for label, found in zip(pairs, zip(*columns, strict=True), strict=True)
        for difference in found
    )


def headline(ood: Sequence[str], split: str) -> list[str]:
    """Return the metrics that samplers are compared on.

    Args:
        ood: Names of the task's OOD sets.
        split: ``test`` or ``validation``, on which no OOD set is read.
    """
    aurocs = [] if split == "validation" else [f"ood.{name}.auroc" for name in ood]
    return [*HEADLINE, *aurocs]


def read_predictions(
    results: Path, group: Sequence[Record]
) -> dict[int, Mapping[str, Predictions]]:
    """Return the predictions of the runs that completed, by seed and set."""
    return {
        record.seed: store.read_predictions(store.folder_of(results, record.run), record)
        for record in group
        if record.outcome == COMPLETED
    }


def rescored(
    group: Sequence[Record], predictions: Mapping[int, Mapping[str, Predictions]]
) -> list[Record]:
    """Score runs again if the version of the metrics has changed; the files are unchanged."""
    return [
        replace(record, metrics=scores.score(predictions[record.seed]))
        if record.outcome == COMPLETED and record.scoring != scores.VERSION
        else record
        for record in group
    ]
