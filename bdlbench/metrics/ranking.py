"""Confidence intervals of the ranks of samplers, and who may be called the best."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from bdlbench.metrics.catalogue import general

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from bdlbench.metrics.bootstrap import Values
    from bdlbench.metrics.functions import Float64s

_LOG_P = np.linspace(-60, 0, 6001)
LEVEL = 0.05  # family-wise error rate of the tests of a board


@dataclass(frozen=True)
class Pairs:
    """The tests of all pairs of samplers by one metric.

    Attributes:
        ahead: By how much j is better than i, (i, j), the mean over common seeds.
        p: The p-values, (i, j), see `p_values`; 1 without common seeds.
    """

    ahead: Float64s
    p: Float64s


def rank_intervals(pairs: Pairs) -> list[tuple[int, int]]:
    """Return the confidence interval (best, worst) of every sampler's rank, 1 being the best.

    The p-values are corrected for the number of pairs (Holm, 1979). The best rank of a sampler is
    1 + the number of significantly better ones, the worst is the number of samplers minus that of
    significantly worse ones. The intervals hold simultaneously with 95 % confidence (Mogstad,
    Romano, Shaikh & Wilhelm, 2024).
    """
    (better,) = significant([pairs])
    counts = zip(better.sum(axis=1), better.sum(axis=0), strict=True)
    return [(1 + int(above), len(better) - int(below)) for above, below in counts]


def leading(columns: Sequence[Pairs]) -> list[NDArray[np.bool_]]:
    """Return who may be called the best by each metric of a board, (samplers,) for every column.

    These are the samplers that are significantly better than another one after correction for all
    pairs of all columns, unless another is significantly better by the tests of `rank_intervals`.
    If all samplers are equal, nobody leads in any column with a probability of at least 95 %.
    """
    found = []
    for pairs, better in zip(columns, significant(columns), strict=True):
        (beaten_by,) = significant([pairs])
        found.append(np.asarray(better.any(axis=0) & ~beaten_by.any(axis=1)))
    return found


def significant(columns: Sequence[Pairs]) -> list[NDArray[np.bool_]]:
    """Return whether j is significantly better than i, (i, j) for each of several metrics.

    The p-values are corrected for the number of pairs of all metrics together (Holm, 1979).
    """
    adjusted = holm(np.concatenate([pairs.p[_upper(pairs.p)] for pairs in columns]))
    found = []
    for pairs, p in zip(columns, np.split(adjusted, len(columns)), strict=True):
        differ = np.zeros(pairs.p.shape, dtype=bool)
        differ[_upper(pairs.p)] = p <= LEVEL
        found.append((differ | differ.T) & (pairs.ahead > 0))
    return found


def _upper(p: Float64s) -> tuple[NDArray[np.intp], ...]:
    return np.triu_indices(len(p), 1)


def holm(p_values: Float64s) -> Float64s:
    """Adjust p-values, shape (tests,), for multiple comparisons (Holm, 1979)."""
    order = np.argsort(p_values, kind="stable")
    left = np.arange(len(p_values), 0, -1)
    corrected = np.empty_like(p_values)
    corrected[order] = np.minimum(np.maximum.accumulate(p_values[order] * left), 1.0)
    return corrected


def compare_pairs(metric: str, entries: Sequence[Values], points: int) -> Pairs:
    """Compare every pair of samplers as `statistics.paired_difference` does, on common seeds.

    Args:
        metric: Name of the metric.
        entries: Its values for the runs of every sampler.
        points: Number of test points, in the smaller set if there are two.
    """
    seeds = sorted({seed for values in entries for seed in values})
    has = np.array([[seed in values for seed in seeds] for values in entries])
    runs = np.stack([values[seed] for values in entries for seed in sorted(values)])
    observed = np.zeros(has.shape)
    observed[has] = runs[:, 0]
    covariance = np.zeros((has.size, has.size))
    covariance[np.ix_(has.ravel(), has.ravel())] = np.cov(runs[:, 1:])
    both = has[:, None] & has[None, :]  # (i, j, seeds)
    count = both.sum(axis=2)
    each = (observed[None, :] - observed[:, None]) * both
    mean = each.sum(axis=2) / np.maximum(count, 1)
    squares = (np.square(each - mean[..., None]) * both).sum(axis=2)
    over_seeds = squares / np.maximum(count * (count - 1), 1)
    over_points = _of_differences(covariance, both) / np.maximum(count, 1) ** 2
    ahead = general(metric).sign * mean
    return Pairs(ahead, p_values(mean, over_seeds, over_points, count, points))


def p_values(
    difference: Float64s,
    over_seeds: Float64s,
    over_points: Float64s,
    seeds: NDArray[np.integer],
    points: float = math.inf,
) -> Float64s:
    """Return the p of t(p/2; S − 1)²·over_seeds + t(p/2; n − 1)²·over_points = difference².

    Corrections for many tests need p-values far out in the tail. There the approximation of Welch
    and Satterthwaite fails with few seeds that happen to agree: with three of them, p-values of
    0.001 are up to ten times too small. This p is conservative: each variance has its own quantile,
    and p is rounded up by at most 1 %.

    Args:
        difference: Mean difference of each pair over its common seeds.
        over_seeds: Its variance from the spread over seeds; 0 for one seed.
        over_points: Its variance from the bootstrap over test points.
        seeds: Number of common seeds; without any, p is 1.
        points: Number n of test points.
    """
    p = np.ones(difference.shape)
    u = _squares(max(points - 1, 1))
    for count in np.unique(seeds[seeds > 0]):
        of = seeds == count
        t = _squares(count - 1) if count > 1 else np.zeros_like(u)
        v, w, d = over_seeds[of], over_points[of], np.square(difference[of])
        low, high = np.zeros(len(d), dtype=int), np.full(len(d), len(_LOG_P) - 1)
        for _ in range(len(_LOG_P).bit_length()):  # bisect for the smallest p with a bound below d
            middle = (low + high) // 2
            beyond = t[middle] * v + u[middle] * w < d
            high = np.where(beyond, middle, high)
            low = np.where(beyond, low, np.minimum(middle + 1, high))
        p[of] = np.exp(_LOG_P[low])
    return p


@cache
def _squares(freedom: float) -> Float64s:
    """Return the squares of the two-sided quantiles of Student's t for every p of the grid."""
    tail = np.exp(_LOG_P) / 2
    found = special.ndtri(tail) if math.isinf(freedom) else special.stdtrit(freedom, tail)
    return np.asarray(np.square(found), np.float64)


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
