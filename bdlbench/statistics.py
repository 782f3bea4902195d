"""Say how sure a mean over seeds is, and whether one sampler is better than another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

from bdlbench import metrics
from bdlbench.scores import describe, in_distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from bdlbench.metrics import Float64s
    from bdlbench.predictions import Predictions

    Sets = Mapping[str, Predictions]
    Weighted = Callable[..., float]
    """A metric as a function of how often every test input counts: one vector for each set."""

Verdict = Literal["better", "worse", "no clear difference"]

_LOSSES = {
    "accuracy": metrics.correct,
    "negative_log_likelihood": metrics.log_losses,
    "brier_score": metrics.squared_errors,
}


@dataclass(frozen=True)
class Interval:
    """Hold a mean over n seeds and its 95 % interval; low and high are None for one seed."""

    mean: float
    low: float | None
    high: float | None
    n: int


@dataclass(frozen=True)
class Difference:
    """Hold a metric's difference b − a with its 95 % interval.

    Attributes:
        metric: Name of the metric.
        difference: Mean over seeds of (metric of b − metric of a).
        low: Lower end of the interval.
        high: Upper end of the interval.
        standard_error: Of the difference, from seeds and test points together.
        seeds: Number of seeds; with 1 the interval knows nothing of the spread over seeds.
        verdict: Of b against a, in the metric's own direction; an interval that holds 0 gives
            "no clear difference".
    """

    metric: str
    difference: float
    low: float
    high: float
    standard_error: float
    seeds: int
    verdict: Verdict


def seed_interval(values: Sequence[float]) -> Interval:
    """Compute the mean over seeds and its 95 % Student-t interval (n − 1 degrees of freedom).

    Raises:
        ValueError: if there are no values, or one is not finite.
    """
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not x.size or not np.isfinite(x).all():
        raise ValueError(f"expected at least one finite value a seed, got {list(values)}")
    mean = float(x.mean())
    if x.size == 1:
        return Interval(mean, None, None, 1)
    half = float(stats.t.ppf(0.975, x.size - 1) * x.std(ddof=1) / math.sqrt(x.size))
    return Interval(mean, mean - half, mean + half, x.size)


def paired_difference(
    metric: str, a: Sequence[Sets], b: Sequence[Sets], resamples: int = 1000, seed: int = 0
) -> Difference:
    """Compare sampler b with sampler a on the same seeds and the same test inputs.

    Two errors are added in quadrature. Seeds: sd(d_s, ddof = 1)/√S of the per-seed differences.
    Test points: the sd over `resamples` bootstrap resamples of the seed-averaged difference; a
    resample is the same for a, b and every seed, in- and out-of-distribution inputs being drawn
    separately. The interval is d ± t·SE, with Welch and Satterthwaite's degrees of freedom: S − 1
    for the seeds, infinitely many for the points. Noise that no two points and no two seeds
    share is in both terms: the interval is then too wide, by √2 at most.
    With one seed there is only the second error: the interval speaks of these two runs, not of
    the samplers.

    A percentile bootstrap over 3 seeds would be too narrow: all three draws fall on the same seed
    in 1 of 27 resamples (3.7 % > 2.5 %), so its 95 % interval is [min, max], which holds the true
    mean of a symmetric distribution in 1 − 2·(1/2)³ = 75 % of the cases.

    Args:
        metric: accuracy, negative_log_likelihood, brier_score, expected_calibration_error or
            ood.<set>.auroc (from the predictive entropy).
        a: One mapping from set name to predictions for every seed.
        b: The same for the other sampler, for the same seeds in the same order.
        resamples: Number of bootstrap resamples.
        seed: Seed of the resampling.

    Raises:
        ValueError: on another metric, on differing seeds, sets or test inputs.
    """
    _check_paired(a, b, resamples)
    pairs = [(_weighted(metric, x), _weighted(metric, y)) for x, y in zip(a, b, strict=True)]

    def per_seed(*weights: Float64s) -> Float64s:
        return np.array([second(*weights) - first(*weights) for first, second in pairs])

    sizes = _sizes(metric, a[0])
    observed = per_seed(*(np.ones(n) for n in sizes))
    resampled = [per_seed(*w).mean() for w in _bootstrap_weights(sizes, resamples, seed)]
    return _difference(metric, observed, float(np.var(resampled, ddof=1)))


def sentence(difference: Difference, name_a: str, name_b: str, label: str) -> str:
    """Put a difference in words: "sgld better than sgd on AUROC: +0.054 [0.047, 0.061]"."""
    half = (difference.high - difference.low) / 2
    places = 3 if half <= 0 else min(max(3, -math.floor(math.log10(half))), 6)
    ends = f"[{difference.low:.{places}f}, {difference.high:.{places}f}]"
    numbers = f"{difference.difference:+.{places}f} {ends}"
    if difference.verdict == "no clear difference":
        return f"no clear difference between {name_a} and {name_b} on {label}: {numbers}"
    return f"{name_b} {difference.verdict} than {name_a} on {label}: {numbers}"


def _difference(metric: str, observed: Float64s, point_variance: float) -> Difference:
    seeds = len(observed)
    seed_variance = float(observed.var(ddof=1)) / seeds if seeds > 1 else 0.0
    variance = seed_variance + point_variance
    # With no spread over seeds, the points alone count, and their degrees of freedom are infinite.
    freedom = (seeds - 1) * (variance / seed_variance) ** 2 if seed_variance > 0 else math.inf
    d, error = float(observed.mean()), math.sqrt(variance)
    half = float(stats.t.ppf(0.975, freedom)) * error
    sign = 1 if describe(metric).direction == "up" else -1
    verdict: Verdict = "no clear difference"
    if abs(d) > half:
        verdict = "better" if sign * d > 0 else "worse"
    return Difference(metric, d, d - half, d + half, error, seeds, verdict)


def _bootstrap_weights(
    sizes: Sequence[int], resamples: int, seed: int
) -> Iterator[tuple[Float64s, ...]]:
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        drawn = (np.bincount(rng.integers(n, size=n), minlength=n) for n in sizes)
        yield tuple(counts.astype(np.float64) for counts in drawn)


def _ood_set(metric: str) -> str | None:
    """Return the OOD set of the metric, or None for a metric of the in-distribution set."""
    parts = metric.split(".")
    if len(parts) == 3 and parts[0] == "ood" and parts[2] == "auroc":
        return parts[1]
    if metric in _LOSSES or metric == "expected_calibration_error":
        return None
    known = ", ".join([*_LOSSES, "expected_calibration_error", "ood.<set>.auroc"])
    raise ValueError(f"expected one of {known}, got {metric!r}")


def _sizes(metric: str, sets: Sets) -> list[int]:
    ood = _ood_set(metric)
    return [len(in_distribution(sets).labels)] + ([len(sets[ood].labels)] if ood else [])


def _weighted(metric: str, sets: Sets) -> Weighted:
    ood, inside = _ood_set(metric), in_distribution(sets)
    if ood is not None:
        if ood not in sets:
            raise ValueError(f"expected a set named {ood}, got {sorted(sets)}")
        in_scores, out_scores = (
            metrics.predictive_entropy(s.probabilities) for s in (inside, sets[ood])
        )
        return _weighted_auroc(in_scores, out_scores)
    if metric in _LOSSES:
        losses = _LOSSES[metric](inside.probabilities, inside.labels)
        return lambda weights: float(weights @ losses) / len(losses)
    bins, gaps = metrics.calibration_gaps(inside.probabilities, inside.labels)
    return lambda weights: float(np.abs(np.bincount(bins, weights * gaps)).sum()) / len(gaps)


def _weighted_auroc(in_scores: Float64s, out_scores: Float64s) -> Weighted:
    # scikit-learn's takes weights too, but sorts anew for each: 60 times as long.
    in_order, out_order = np.argsort(in_scores), np.argsort(out_scores)
    ranked = in_scores[in_order]
    below = np.searchsorted(ranked, out_scores[out_order], side="left")
    up_to = np.searchsorted(ranked, out_scores[out_order], side="right")
    pairs = len(in_scores) * len(out_scores)

    def weighted(in_weights: Float64s, out_weights: Float64s) -> float:
        passed = np.concatenate([[0.0], np.cumsum(in_weights[in_order])])
        return float(out_weights[out_order] @ (passed[below] + passed[up_to])) / (2 * pairs)

    return weighted


def _check_paired(a: Sequence[Sets], b: Sequence[Sets], resamples: int) -> None:
    if len(a) != len(b) or not a:
        raise ValueError(f"expected the same seeds for both samplers, got {len(a)} and {len(b)}")
    if resamples < 2:
        raise ValueError(f"expected at least 2 resamples, got {resamples}")
    for sets in (*a, *b):
        if sets.keys() != a[0].keys():
            raise ValueError(f"expected the sets {sorted(a[0])} everywhere, got {sorted(sets)}")
        for name, predictions in sets.items():
            if not np.array_equal(predictions.labels, a[0][name].labels):
                raise ValueError(f"expected the same inputs in every {name} set, got other labels")
