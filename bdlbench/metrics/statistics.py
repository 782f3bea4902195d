"""Confidence intervals over seeds, and of differences between samplers."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import special

from bdlbench.metrics.bootstrap import bootstrap, inputs, weighted
from bdlbench.metrics.catalogue import general
from bdlbench.metrics.ranking import LEVEL, holm, p_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bdlbench.metrics.functions import Float64s
    from bdlbench.records.predictions import Sets

    Pair = tuple[Sequence[Sets], Sequence[Sets]]

Verdict = Literal["better", "worse", "no clear difference"]
UNCLEAR: Verdict = "no clear difference"


@dataclass(frozen=True)
class Interval:
    """Mean over n seeds, and its 95 % confidence intervals (None for one seed).

    Attributes:
        mean: The mean.
        low: Lower end of the interval over seeds, with the test inputs as they are.
        high: Its upper end.
        n: Number of seeds.
        low_with_points: Lower end of the interval over seeds and test inputs, if computed.
        high_with_points: Its upper end.
    """

    mean: float
    low: float | None
    high: float | None
    n: int
    low_with_points: float | None = None
    high_with_points: float | None = None

    @property
    def columns(self) -> dict[str, float | None]:
        """Mean and ends, by the suffix of their columns in CSV."""
        found = {"": self.mean, ".low": self.low, ".high": self.high}
        if self.low_with_points is not None:
            found |= {
                f".{end}": getattr(self, end) for end in ("low_with_points", "high_with_points")
            }
        return found


@dataclass(frozen=True)
class Difference:
    """Difference b − a of a metric, with its 95 % confidence interval.

    Attributes:
        metric: Name of the metric.
        difference: Mean over seeds of (metric of b − metric of a).
        low: Lower end of the interval.
        high: Upper end of the interval.
        standard_error: Standard error over seeds and test points.
        seeds: Number of seeds; with 1, the interval does not include the spread over seeds.
        p: p-value of no difference, see `ranking.p_values`.
        verdict: Whether b is better or worse than a; "no clear difference" if the interval
            contains 0, or after `corrected`, if the corrected p is above 0.05.
    """

    metric: str
    difference: float
    low: float
    high: float
    standard_error: float
    seeds: int
    p: float
    verdict: Verdict


def seed_interval(values: Sequence[float]) -> Interval:
    """Compute the mean over seeds, and its 95 % Student-t confidence interval.

    Raises:
        ValueError: There are no values, or one is not finite.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not x.size or not np.isfinite(x).all():
        raise ValueError(f"expected one finite value per seed, got {list(values)}")
    mean = float(x.mean())
    if x.size == 1:
        return Interval(mean, None, None, 1)
    half = float(special.stdtrit(x.size - 1, 0.975) * x.std(ddof=1) / math.sqrt(x.size))
    return Interval(mean, mean - half, mean + half, x.size)


def with_points(interval: Interval, values: Sequence[Float64s], points: int) -> Interval:
    """Add the interval over seeds and test points, of the mean on new inputs and with new seeds.

    Its half-width is that of `paired_difference`. One seed has none.

    Args:
        interval: That over seeds.
        values: The metric for every seed, on the test inputs and on resamples, (1 + resamples,).
        points: Number of test inputs, in the smaller set if there are two.
    """
    if interval.n == 1:
        return interval
    each, mean = np.stack(values), interval.mean
    half = _half_width(_variance_of_mean(each[:, 0]), _point_variance(each), len(each), points)
    return replace(interval, low_with_points=mean - half, high_with_points=mean + half)


def paired_difference(
    metric: str, a: Sequence[Sets], b: Sequence[Sets], resamples: int = 1000, seed: int = 0
) -> Difference:
    """Compare sampler b with sampler a on the same seeds and the same test inputs.

    Two errors are added in quadrature. Seeds: sd(d_s, ddof = 1)/√S of the per-seed differences.
    Test points: the sd over `resamples` bootstrap resamples of the seed-averaged difference; a
    resample is shared by a, b and all seeds, and in- and out-of-distribution inputs are resampled
    separately. The interval is d ± √(t²·V_seeds + u²·V_points), with the 97.5 % quantiles of
    Student's t with S − 1 and n − 1 degrees of freedom, n being the number of test inputs, in the
    smaller set if there are two. It is conservative, unlike Welch and Satterthwaite's t for the sum
    with three seeds that happen to agree. Noise that is independent between points and seeds is in
    both terms: the interval is then too wide. With one seed there is only the second error: the
    interval is about these two runs, not about the samplers.

    Args:
        metric: Name of any metric of test inputs, of an OOD set, or of a shifted one. Without a
            direction, its verdict is always "no clear difference".
        a: Predictions by set name, for every seed.
        b: The same for the other sampler, with the same seeds in the same order.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resampling.

    Raises:
        ValueError: The metric is unknown, or seeds, sets or test inputs differ.
    """
    return paired_differences(metric, [(a, b)], resamples, seed)[0]


def paired_differences(
    metric: str, pairs: Sequence[Pair], resamples: int = 1000, seed: int = 0
) -> list[Difference]:
    """Compare pairs of samplers as `paired_difference` does, on the same resamples.

    The metric of a run is computed once, even if the run is in several pairs.
    """
    for a, b in pairs:
        if len(a) != len(b) or not a:
            raise ValueError(
                f"expected the same seeds for both samplers, got {len(a)} and {len(b)}"
            )
    runs = {id(sets): sets for a, b in pairs for sets in (*a, *b)}
    values = dict(zip(runs, of_runs(metric, list(runs.values()), resamples, seed), strict=True))
    points = min(inputs(metric, pairs[0][0][0]))
    return [
        difference_of(metric, [values[id(x)] for x in a], [values[id(x)] for x in b], points)
        for a, b in pairs
    ]


def of_runs(
    metric: str, runs: Sequence[Sets], resamples: int = 1000, seed: int = 0
) -> list[Float64s]:
    """Compute a metric of runs on their test inputs, and on resamples that all runs share.

    Returns:
        For every run, shape (1 + resamples,); see `bootstrap`.

    Raises:
        ValueError: The metric is unknown, or sets or test inputs differ.
    """
    _check_inputs(runs, resamples)
    functions = [weighted(metric, sets) for sets in runs]
    return list(bootstrap(functions, inputs(metric, runs[0]), resamples, seed))


def difference_of(
    metric: str, a: Sequence[Float64s], b: Sequence[Float64s], points: int
) -> Difference:
    """Compare sampler b with sampler a as `paired_difference` does, from the metric's values.

    Args:
        metric: Name of the metric.
        a: Values for every seed, from `of_runs`.
        b: The same for the other sampler, with the same seeds and resamples.
        points: Number of test inputs, in the smaller set if there are two.
    """
    each = np.stack(b) - np.stack(a)
    return _difference(metric, each[:, 0], _point_variance(each), points)


def _difference(
    metric: str, observed: Float64s, point_variance: float, points: float = math.inf
) -> Difference:
    seeds, d = len(observed), float(observed.mean())
    seed_variance = _variance_of_mean(observed)
    half = _half_width(seed_variance, point_variance, seeds, points)
    error = math.sqrt(seed_variance + point_variance)
    one = np.ones(1)
    p = p_values(d * one, seed_variance * one, point_variance * one, np.array([seeds]), points)
    verdict: Verdict = UNCLEAR
    if abs(d) > half:
        verdict = _direction(metric, d)
    return Difference(metric, d, d - half, d + half, error, seeds, float(p[0]), verdict)


def _variance_of_mean(values: Float64s) -> float:
    """Return the variance of the mean over seeds, 0 for one seed."""
    return float(values.var(ddof=1)) / len(values) if len(values) > 1 else 0.0


def _point_variance(values: Float64s) -> float:
    """Return the variance of the mean over seeds between resamples, of (seeds, 1 + resamples)."""
    return float(values[:, 1:].mean(axis=0).var(ddof=1))


def _half_width(seed_variance: float, point_variance: float, seeds: int, points: float) -> float:
    t, u = special.stdtrit(np.maximum([seeds - 1, points - 1], 1), 0.975)
    return math.sqrt(t**2 * seed_variance + u**2 * point_variance)


def _direction(metric: str, difference: float) -> Verdict:
    sign = general(metric).sign * difference
    return "better" if sign > 0 else "worse" if sign < 0 else UNCLEAR


def corrected(differences: Sequence[Difference]) -> list[Difference]:
    """Correct the verdicts for the number of comparisons (Holm, 1979).

    If no sampler differs from another, all verdicts are "no clear difference" with a probability
    of at least 95 %. Metrics without a direction get no verdict, and do not count. The intervals
    stay those of single comparisons.
    """
    judged = [one for one in differences if general(one.metric).sign]
    adjusted = holm(np.array([one.p for one in judged]))
    clear = {id(one) for one, p in zip(judged, adjusted, strict=True) if p <= LEVEL}
    return [
        replace(
            one,
            verdict=_direction(one.metric, one.difference) if id(one) in clear else UNCLEAR,
        )
        for one in differences
    ]


def _check_inputs(runs: Sequence[Sets], resamples: int) -> None:
    if resamples < 2:
        raise ValueError(f"expected at least 2 resamples, got {resamples}")
    first = runs[0]
    for sets in runs:
        if sets.keys() != first.keys():
            raise ValueError(f"expected the sets {sorted(first)} in every run, got {sorted(sets)}")
        for name, predictions in sets.items():
            if not np.array_equal(predictions.truth, first[name].truth):
                raise ValueError(f"expected the same inputs in every {name} set, got other targets")
