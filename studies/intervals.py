"""Means with 95 % confidence intervals: as numbers, table columns and text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bdlbench.metrics.statistics import Interval, seed_interval


def half_width(interval: Interval) -> float:
    """Return half of an interval's width; 0 for a single value."""
    return 0.0 if interval.high is None else interval.high - interval.mean


def ends(interval: Interval) -> tuple[float, float]:
    """Return an interval's low and high end; for a single value both are the value."""
    if interval.low is None or interval.high is None:
        return interval.mean, interval.mean
    return interval.low, interval.high


def is_clear(difference: Interval) -> bool:
    """Return whether a difference is significant; a single value never is."""
    return abs(difference.mean) > half_width(difference) > 0


def in_words(interval: Interval, places: int = 3) -> str:
    """Write an interval as "0.993 ± 0.012"."""
    return f"{interval.mean:.{places}f} ± {half_width(interval):.{places}f}"


def in_percent(interval: Interval) -> str:
    """Write an interval as "99.3% ± 1.2%"."""
    return f"{interval.mean:.1%} ± {half_width(interval):.1%}"


def all_in_words(intervals: Mapping[str, Interval]) -> str:
    """Write named intervals as "0.993 ± 0.012 for SGD, 0.990 ± 0.011 for Adam"."""
    return ", ".join(f"{in_words(interval)} for {name}" for name, interval in intervals.items())


def means(name: str, intervals: Mapping[Any, Interval]) -> dict[str, float]:
    """Return every mean as a number of a finding, under ``name.key``."""
    return {f"{name}.{key}": interval.mean for key, interval in intervals.items()}


def halves(name: str, intervals: Mapping[Any, Interval]) -> dict[str, float]:
    """Return half of every interval's width as a number of a finding, under ``name.key``."""
    return {f"{name}.{key}": half_width(interval) for key, interval in intervals.items()}


def columns(name: str, intervals: Sequence[Interval]) -> dict[str, list[float]]:
    """Return two columns: the means under the name, half the widths under ``name.half``."""
    return {
        name: [interval.mean for interval in intervals],
        f"{name}.half": [half_width(interval) for interval in intervals],
    }


def over_groups(values: NDArray[np.float64]) -> list[Interval]:
    """Return the interval of every column of values of shape (groups, columns)."""
    return [seed_interval(column.tolist()) for column in values.T]


def fit_power(x: Sequence[float], y: Sequence[float]) -> Interval:
    """Return the exponent of y ∝ x^exponent, from a straight line through log y over log x.

    The interval is Student's with len(x) − 2 degrees of freedom.
    """
    line = stats.linregress(np.log(x), np.log(y))
    exponent = float(line.slope)
    half = float(stats.t.ppf(0.975, len(x) - 2)) * float(line.stderr)
    return Interval(exponent, exponent - half, exponent + half, len(x))
