"""What a comparison infers from resamples of the test inputs: intervals and differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bdlbench.comparison.summary import Row
from bdlbench.metrics.bootstrap import inputs
from bdlbench.metrics.statistics import Difference, corrected, difference_of, of_runs, with_points

if TYPE_CHECKING:
    from bdlbench.metrics.bootstrap import Values
    from bdlbench.records.predictions import Sets


@dataclass(frozen=True)
class Resampled:
    """A metric of all runs, on the test inputs and on resamples.

    Args:
        values: Its values for every sampler, by seed.
        points: Number of test inputs, in the smaller set if there are two.
    """

    values: Sequence[Values]
    points: int


def resample(
    metrics: Sequence[str], predictions: Sequence[Mapping[int, Sets]]
) -> dict[str, Resampled]:
    """Compute metrics on resamples that all runs share.

    Args:
        metrics: Names of metrics.
        predictions: Predictions of each sampler, by seed and set.
    """
    runs = [sets for of_sampler in predictions for sets in of_sampler.values()]
    found = {}
    for metric in metrics if runs else ():
        values = iter(of_runs(metric, runs))
        by_seed = [{seed: next(values) for seed in seeds} for seeds in predictions]
        found[metric] = Resampled(by_seed, min(inputs(metric, runs[0])))
    return found


def widened(rows: Sequence[Row], resampled: Mapping[str, Resampled]) -> tuple[Row, ...]:
    """Add the intervals over seeds and test points to the metrics of rows."""
    found = []
    for k, row in enumerate(rows):
        wider = {
            metric: with_points(row.metrics[metric], list(each.values[k].values()), each.points)
            for metric, each in resampled.items()
            if each.values[k] and metric in row.metrics  # a record may lack it
        }
        found.append(replace(row, metrics={**row.metrics, **wider}))
    return tuple(found)


def differences(
    labels: Sequence[str], resampled: Mapping[str, Resampled], baseline: int = 0
) -> tuple[tuple[str, Difference], ...]:
    """Compare each sampler with the baseline, on the seeds that both completed.

    The verdicts are corrected for the number of samplers and metrics.

    Args:
        labels: Labels of the samplers.
        resampled: The metrics of their runs.
        baseline: Index of the baseline.

    Returns:
        Pairs of label and difference, one per sampler and metric.
    """
    found = []
    for k, label in enumerate(labels):
        for metric, each in resampled.items():
            first, other = each.values[baseline], each.values[k]
            seeds = sorted(first.keys() & other.keys())
            if seeds and k != baseline:
                pair = [first[seed] for seed in seeds], [other[seed] for seed in seeds]
                found.append((label, difference_of(metric, *pair, each.points)))
    verdicts = corrected([difference for _, difference in found])
    return tuple((label, one) for (label, _), one in zip(found, verdicts, strict=True))
