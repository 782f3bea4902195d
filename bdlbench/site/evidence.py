"""Numbers for a sampler's page that are computed from stored predictions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bdlbench import metrics
from bdlbench.comparison.summary import HEADLINE
from bdlbench.metrics.functions import Float64s
from bdlbench.metrics.scores import in_distribution
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import Record
from bdlbench.reference import fidelity
from bdlbench.reference.reference import Reference

BINS = 15  # those of the expected calibration error
BARS = 20  # of a histogram
SURE = 0.9


@dataclass(frozen=True)
class Bin:
    """The inputs whose highest probability is in (low, high].

    Args:
        low: Lower end, left out.
        high: Upper end.
        count: Number of inputs, over all runs.
        confidence: Mean of their highest probability; None without inputs.
        accuracy: Share of them that are classed rightly; None without inputs.
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
        name: Of the set.
        shares: Of the inputs, by their highest probability in bins of equal width over [0, 1].
        sure: Share of the inputs whose highest probability is above 0.9.
    """

    name: str
    shares: tuple[float, ...]
    sure: float


@dataclass(frozen=True)
class Course:
    """The metrics of one run against its number of draws.

    Args:
        seed: Of the run.
        epochs: Spent after 1, 2, 4, … draws, and after all of them.
        values: Of every metric that can be computed from what was stored at these points.
    """

    seed: int
    epochs: tuple[float, ...]
    values: dict[str, tuple[float, ...]]


def reliability(runs: Sequence[Predictions]) -> tuple[Bin, ...]:
    """Return the bins of the expected calibration error, of all runs together."""
    bins, gaps, confidences = [], [], []
    for run in runs:
        p = run.probabilities
        of_input, gap = metrics.calibration_gaps(p, run.labels, BINS)
        bins.append(of_input)
        gaps.append(gap)
        confidences.append(p.max(axis=1))
    where = np.concatenate(bins)
    count = np.bincount(where, minlength=BINS)
    confidence = np.bincount(where, np.concatenate(confidences), BINS)
    right = confidence - np.bincount(where, np.concatenate(gaps), BINS)
    return tuple(
        Bin(
            low=b / BINS,
            high=(b + 1) / BINS,
            count=int(n),
            confidence=float(confidence[b] / n) if n else None,
            accuracy=float(right[b] / n) if n else None,
        )
        for b, n in enumerate(count)
    )


def histogram(name: str, runs: Sequence[Predictions]) -> Histogram:
    """Return the histogram of the highest probability, of all runs together."""
    p = np.concatenate([run.probabilities for run in runs])
    counts, _ = np.histogram(p.max(axis=1), bins=BARS, range=(0, 1))
    share = float(metrics.confident(p, SURE).mean())
    return Histogram(name, tuple((counts / len(p)).tolist()), share)


def course(
    record: Record, sets: Mapping[str, Predictions], reference: Reference | None
) -> Course | None:
    """Return a run's metrics after 1, 2, 4, … draws; None if its history was not stored.

    Of the in-distribution set's first inputs: of the others only the average over all draws is
    stored.
    """
    inside = in_distribution(sets)
    if inside.curve is None:
        return None
    spent, points = inside.course()
    labels = inside.labels[: len(points[-1])]
    values = {name: tuple(getattr(metrics, name)(p, labels) for p in points) for name in HEADLINE}
    if reference is not None:
        values["total_variation"] = _floats(fidelity.distances(points, reference))
    return Course(record.seed, _floats(spent), values)


def _floats(values: Float64s) -> tuple[float, ...]:
    return tuple(values.tolist())
