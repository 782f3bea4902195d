"""Means with 95 % confidence intervals, as numbers, table columns and text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bdlbench.metrics.statistics import Interval, seed_interval

Array = NDArray[np.float64]
Floats = Sequence[float] | Array


def half_width(interval: Interval) -> float:
    """Return half the width of an interval; 0 for a single value."""
    return 0.0 if interval.high is None else interval.high - interval.mean


def ends(interval: Interval) -> tuple[float, float]:
    """Return the lower and upper end of an interval; for a single value, the value twice."""
    if interval.low is None or interval.high is None:
        return interval.mean, interval.mean
    return interval.low, interval.high


def is_clear(difference: Interval) -> bool:
    """Return whether a difference is significant; that of a single value never is."""
    return abs(difference.mean) > half_width(difference) > 0


def in_words(interval: Interval, places: int = 3) -> str:
    """Format an interval as "0.993 ± 0.012"."""
    return f"{interval.mean:.{places}f} ± {half_width(interval):.{places}f}"


def in_percent(interval: Interval) -> str:
    """Format an interval as "99.3% ± 1.2%"."""
    return f"{interval.mean:.1%} ± {half_width(interval):.1%}"


def means(name: str, intervals: Mapping[Any, Interval]) -> dict[str, float]:
    """Return every mean under ``name.key``."""
    return {f"{name}.{key}": interval.mean for key, interval in intervals.items()}


def halves(name: str, intervals: Mapping[Any, Interval]) -> dict[str, float]:
    """Return every half-width under ``name.key``."""
    return {f"{name}.{key}": half_width(interval) for key, interval in intervals.items()}


def columns(name: str, intervals: Iterable[Interval]) -> dict[str, list[float]]:
    """Return the means as column `name`, and the half-widths as column ``name.half``."""
    rows = [(interval.mean, half_width(interval)) for interval in intervals]
    return {name: [mean for mean, _ in rows], f"{name}.half": [half for _, half in rows]}


def over_groups(values: Array) -> list[Interval]:
    """Return the interval of every column of an array of shape (groups, columns)."""
    return [seed_interval(column.tolist()) for column in values.T]


def fit_power(x: Sequence[float], y: Sequence[float]) -> Interval:
    """Fit y ∝ x^exponent by linear regression of log y on log x; the interval is Student's t."""
    line = stats.linregress(np.log(x), np.log(y))
    exponent = float(line.slope)
    half = float(stats.t.ppf(0.975, len(x) - 2)) * float(line.stderr)
    return Interval(exponent, exponent - half, exponent + half, len(x))
