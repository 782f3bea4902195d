"""Sum up runs: a row for each sampler, and its difference from the first."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bdlbench import documents, fidelity, records, scores
from bdlbench.certificate import NOT_CERTIFIED
from bdlbench.escaping import visible
from bdlbench.predictions import Predictions
from bdlbench.provenance import kept
from bdlbench.records import Record
from bdlbench.reference import Reference
from bdlbench.settings import Setting
from bdlbench.statistics import Difference, Interval, paired_difference, seed_interval

HEADLINE = (
    "accuracy",
    "negative_log_likelihood",
    "brier_score",
    "expected_calibration_error",
)
COLLAPSED = 0.01  # of the uncertainty: with less from the draws' disagreement, they are as one
CONTROL_NAMES = ("random", "mean_intensity", "nonzero_fraction", "pixel_knn")
DELETE_CONTROLS = "delete it and compare again"
CONTROLS_VERSION = 1  # raised when `controls.control_aurocs` changes
COSTS = ("epochs", "seconds", "peak_memory_bytes")


@dataclass(frozen=True)
class Row:
    """Sum up one sampler's runs.

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


def sum_up(
    sampler: str,
    settings: dict[str, Setting],
    certificate: str,
    group: Sequence[Record],
    predictions: Mapping[int, Mapping[str, Predictions]],
    reference: Reference | None,
    reused: Mapping[str, Record],
) -> Row:
    """Sum up one sampler's runs, a record for each seed.

    Args:
        sampler: As it shall be called.
        settings: All of its settings.
        certificate: What `certificate.read` says of it.
        group: Records, completed or not.
        predictions: Of the runs that completed, by seed and set.
        reference: What they are to be near to, if there is one.
        reused: Those that were on disk already, by name.
    """
    completed = [record for record in group if record.outcome == records.COMPLETED]
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
    found = []
    for label, other in zip(labels[1:], others, strict=True):
        seeds = sorted(first.keys() & other.keys())
        pair = [first[seed] for seed in seeds], [other[seed] for seed in seeds]
        for metric in metrics if seeds else []:
            found.append((label, paired_difference(metric, *pair)))
    return tuple(found)


def headline(ood: Sequence[str], split: str) -> list[str]:
    """Return the metrics that samplers are compared on.

    Args:
        ood: Names of the task's OOD sets.
        split: ``test`` or ``validation``, on which no OOD set is read.
    """
    aurocs = [] if split == "validation" else [f"ood.{name}.auroc" for name in ood]
    return [*HEADLINE, *aurocs]


def controls_file(task: str, data: Mapping[str, str]) -> str:
    """Return where, within the results, the control rows of a task are kept.

    Args:
        task: Name of the task.
        data: SHA-256 of the data sets by name; the rows depend on these alone.
    """
    content = documents.to_json([dict(data), CONTROLS_VERSION])
    digest = hashlib.sha256(content.encode()).hexdigest()
    return f"controls/{task}-{digest[:10]}.json"


def kept_controls(
    results: Path, task: str, data: Mapping[str, str]
) -> dict[str, dict[str, float]] | None:
    """Return the control rows that a comparison has kept, by OOD set and control; None without.

    What stands in the user's results counts first, then what bdlbench itself was published with.

    Raises:
        RecordError: The file is damaged.
    """
    path = kept(results, controls_file(task, data))
    return None if path is None else read_controls(path)


def read_controls(path: Path, most: int = documents.LARGEST) -> dict[str, dict[str, float]]:
    """Read a file of control rows, of at most so many bytes.

    Raises:
        RecordError: It is damaged.
    """
    content = documents.read(path, DELETE_CONTROLS, most=most)
    with documents.reading(path, DELETE_CONTROLS):
        for name, found in content.items():
            documents.check(
                found, dict.fromkeys(CONTROL_NAMES, documents.NUMBER), visible(name, 40)
            )
    return content


def read_predictions(
    results: Path, group: Sequence[Record]
) -> dict[int, Mapping[str, Predictions]]:
    """Return the predictions of the runs that completed, by seed and set."""
    return {
        record.seed: records.read_predictions(records.folder_of(results, record.run), record)
        for record in group
        if record.outcome == records.COMPLETED
    }


def rescored(results: Path, record: Record) -> Record:
    """Score a run again if the metrics have another version since; the file is left alone."""
    if record.outcome != records.COMPLETED or record.scoring == scores.VERSION:
        return record
    sets = records.read_predictions(records.folder_of(results, record.run), record)
    return replace(record, metrics=scores.score(sets))
