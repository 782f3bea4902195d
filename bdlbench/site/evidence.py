"""Calibration, confidence and learning curves of a sampler, from stored predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from bdlbench import metrics
from bdlbench.comparison.summary import HEADLINE
from bdlbench.metrics.functions import Float64s
from bdlbench.metrics.scores import in_distribution
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import Record
from bdlbench.reference import fidelity
from bdlbench.reference.reference import Reference

BINS = 15  # of the expected calibration error
BARS = 20  # of a histogram
SURE = 0.9  # confidence threshold


@dataclass(frozen=True)
class Bin:
    """A bin of a reliability diagram: the inputs with confidence in (low, high].

    Args:
        low: Lower edge, exclusive.
        high: Upper edge, inclusive.
        count: Number of inputs, over all runs.
        confidence: Mean confidence; None for an empty bin.
        accuracy: Share of correctly classified inputs; None for an empty bin.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Histogram:
    """The distribution of the confidence on one set of inputs.

    Args:
        name: Name of the set.
        shares: Shares of the inputs in equal-width bins of the confidence over [0, 1].
        sure: Share of the inputs with a confidence above 0.9.
    """

    name: str
    shares: tuple[float, ...]
    sure: float


@dataclass(frozen=True)
class Course:
    """Learning curve of a run: metrics over its first draws.

    Args:
        seed: Seed of the run.
        epochs: Cost of the first 1, 2, 4, … draws, and of all of them.
        values: Metrics at these points, by name.
    """

    seed: int
    epochs: tuple[float, ...]
    values: dict[str, tuple[float, ...]]


def reliability(runs: Sequence[Predictions]) -> tuple[Bin, ...]:
    """Return the bins of the expected calibration error, pooled over runs."""
    bins, gaps, confidences = [], [], []
    for run in runs:
        p = run.probabilities
        of_input, gap = metrics.calibration_gaps(p, run.labels, BINS)
        bins.append(of_input)
        gaps.append(gap)
        confidences.append(p.max(axis=1))
    indices = np.concatenate(bins)
    count = np.bincount(indices, minlength=BINS)
    confidence = np.bincount(indices, np.concatenate(confidences), BINS)
    correct = confidence - np.bincount(indices, np.concatenate(gaps), BINS)
    return tuple(
        Bin(
            low=b / BINS,
            high=(b + 1) / BINS,
            count=int(n),
            confidence=float(confidence[b] / n) if n else None,
            accuracy=float(correct[b] / n) if n else None,
        )
        for b, n in enumerate(count)
    )


def histogram(name: str, runs: Sequence[Predictions]) -> Histogram:
    """Return the histogram of the confidence, pooled over runs."""
    p = np.concatenate([run.probabilities for run in runs])
    counts, _ = np.histogram(p.max(axis=1), bins=BARS, range=(0, 1))
    share = float(metrics.confident(p, SURE).mean())
    return Histogram(name, tuple((counts / len(p)).tolist()), share)


def course(record: Record, sets: Mapping[str, Any], reference: Reference | None) -> Course | None:
    """Return a run's metrics after 1, 2, 4, … draws; None if its history was not stored.

    Those of classes are computed on the first inputs of the in-distribution set, which alone have a
    history.
    """
    inside = in_distribution(sets)
    if inside.epochs is None:
        return None
    epochs, points = inside.course()
    if isinstance(inside, Densities):
        found: dict[str, Callable[[Any], float]] = {
            "lppd": lambda p: float(p.log_density.mean()),
            "rmse": lambda p: float(np.sqrt(np.square(p.mean - p.targets).mean())),
        }
    else:
        labels = inside.labels[: len(points[-1])]
        found = {name: partial(getattr(metrics, name), labels=labels) for name in HEADLINE}
    values = {name: tuple(metric(p) for p in points) for name, metric in found.items()}
    if reference is not None:
        values["total_variation"] = _floats(fidelity.distances(points, reference))
    return Course(record.seed, _floats(epochs), values)


def _floats(values: Float64s) -> tuple[float, ...]:
    return tuple(values.tolist())
