"""Confidence intervals of the ranks of samplers."""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from bdlbench.metrics.bootstrap import bootstrap
from bdlbench.metrics.catalogue import general

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from bdlbench.metrics.bootstrap import Weighted
    from bdlbench.metrics.functions import Float64s

    Runs = Mapping[int, Weighted]
    """One sampler's runs on one metric, by seed."""

_LOG_P = np.linspace(-60, 0, 6001)
LEVEL = 0.05  # family-wise error rate of the tests of a board


def rank_intervals(
    metric: str, entries: Sequence[Runs], sizes: Sequence[int]
) -> list[tuple[int, int]]:
    """Return the confidence interval (best, worst) of every sampler's rank, 1 being the best.

    Every pair is compared as in `statistics.paired_difference`, on common seeds, and the p-values
    (see `p_values`) are corrected for multiple comparisons (Holm, 1979). The best rank of a sampler
    is 1 + the number of significantly better ones, the worst is the number of samplers minus that
    of significantly worse ones. The intervals hold simultaneously with 95 % confidence (Mogstad,
    Romano, Shaikh & Wilhelm, 2024).

    Args:
        metric: Name of the metric.
        entries: Runs of every sampler.
        sizes: Number of inputs in each set that the metric uses.
    """
    if not entries:
        return []
    return ranks(*_pairs(entries, sizes), general(metric).sign)


def ranks(difference: Float64s, p: Float64s, sign: int) -> list[tuple[int, int]]:
    """Return the rank intervals that pairwise tests leave open; see `rank_intervals`.

    Args:
        difference: Of each pair, j − i, shape (samplers, samplers).
        p: Their p-values, of which those with i < j are used.
        sign: 1 if higher is better, −1 if lower is.
    """
    pairs = np.triu_indices(len(difference), 1)
    significant = np.zeros(difference.shape, dtype=bool)
    significant[pairs] = holm(p[pairs]) <= LEVEL
    significant |= significant.T
    better = (significant & (sign * difference > 0)).sum(axis=1)  # samplers better than this one
    worse = (significant & (sign * difference < 0)).sum(axis=1)
    return [(1 + int(b), len(p) - int(w)) for b, w in zip(better, worse, strict=True)]


def holm(p_values: Float64s) -> Float64s:
    """Adjust p-values, shape (tests,), for multiple comparisons (Holm, 1979)."""
    order = np.argsort(p_values, kind="stable")
    left = np.arange(len(p_values), 0, -1)
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * left), 1.0)
    return corrected


def _pairs(entries: Sequence[Runs], sizes: Sequence[int]) -> tuple[Float64s, Float64s]:
    """Return the differences j − i and their p-values, (i, j); 0 and 1 without common seeds."""
    seeds = sorted({seed for runs in entries for seed in runs})
    has = np.array([[seed in runs for seed in seeds] for runs in entries])
    values = bootstrap([runs[seed] for runs in entries for seed in sorted(runs)], sizes)
    observed = np.zeros(has.shape)
    observed[has] = values[:, 0]
    covariance = np.zeros((has.size, has.size))
    covariance[np.ix_(has.ravel(), has.ravel())] = np.cov(values[:, 1:])
    both = has[:, None] & has[None, :]  # (i, j, seeds)
    count = both.sum(axis=2)
    each = (observed[None, :] - observed[:, None]) * both
    mean = each.sum(axis=2) / np.maximum(count, 1)
    squares = (np.square(each - mean[..., None]) * both).sum(axis=2)
    over_seeds = squares / np.maximum(count * (count - 1), 1)
    over_points = _of_differences(covariance, both) / np.maximum(count, 1) ** 2
    return mean, p_values(mean, over_seeds, over_points, count)


def p_values(
    difference: Float64s, over_seeds: Float64s, over_points: Float64s, seeds: NDArray[np.integer]
) -> Float64s:
    """Return the p of t(p/2; S − 1)²·over_seeds + z(p/2)²·over_points = difference².

    Corrections for many tests need p-values far out in the tail. There the approximation of Welch
    and Satterthwaite fails with few seeds that happen to agree: with three of them, p-values of
    0.001 are up to ten times too small. This p is conservative: each variance has its own quantile,
    and p is rounded up by at most 1 %.

    Args:
        difference: Mean difference of each pair over its common seeds.
        over_seeds: Its variance from the spread over seeds; 0 for one seed.
        over_points: Its variance from the bootstrap over test points.
        seeds: Number of common seeds; without any, p is 1.
    """
    p = np.ones(difference.shape)
    z = _quantiles(math.inf)
    for count in np.unique(seeds[seeds > 0]):
        of = seeds == count
        t = _quantiles(count - 1) if count > 1 else np.zeros_like(z)
        low, high = np.zeros(of.sum(), dtype=int), np.full(of.sum(), len(_LOG_P) - 1)
        while (low < high).any():  # bisect for the smallest p with a bound below the difference
            middle, search = (low + high) // 2, low < high
            bound = t[middle] ** 2 * over_seeds[of] + z[middle] ** 2 * over_points[of]
            beyond = bound < np.square(difference[of])
            high = np.where(search & beyond, middle, high)
            low = np.where(search & ~beyond, middle + 1, low)
        p[of] = np.exp(_LOG_P[low])
    return p


@cache
def _quantiles(freedom: float) -> Float64s:
    """Return the two-sided quantiles of Student's t for every p of the grid."""
    tail = np.exp(_LOG_P) / 2
    found = special.ndtri(tail) if math.isinf(freedom) else special.stdtrit(freedom, tail)
    return np.asarray(-found, np.float64)


def _of_differences(covariance: Float64s, both: NDArray[np.bool_]) -> Float64s:
    """Return the variance of Σ_s (value of j − value of i) over common seeds s, (i, j).

    Args:
        covariance: Covariance of all values, ordered by entry, then seed.
        both: Whether i and j have seed s, (i, j, s).
    """
    n, _, seeds = both.shape
    table = covariance.reshape(n, seeds, n, seeds)
    common = both.astype(np.float64)
    own = np.einsum("isit->ist", table)
    first = np.einsum("ijs,ijt,ist->ij", common, common, own, optimize=True)
    crossed = np.einsum("ijs,ijt,isjt->ij", common, common, table, optimize=True)
    return np.asarray(np.maximum(first + first.T - 2 * crossed, 0.0))
