"""Forest plots: a metric of every sampler, with its confidence interval."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from bdlbench.metrics.scores import Metric
from bdlbench.metrics.statistics import Interval
from bdlbench.site.figures import GOOD, Figure, figure, scatter, short
from bdlbench.site.text import BREAK, folded, for_plotly
from bdlbench.storage.escaping import visible

MOST_ROWS = 30  # of a plot; the table has all
REACH = 1.5  # interquartile ranges beyond the quartiles: Tukey's fences
MARGIN = 0.04  # of the axis, on either side
INSET = 0.008  # of the axis: the distance of arrows from the border
ROW, LINE = 26, 15  # heights in pixels, of a row and of a line of its label

Range = tuple[float, float]
Row = tuple[str, Interval]


def forest(metric: Metric, rows: Sequence[Row]) -> Figure:
    """Return a forest plot, whose axis no outlier stretches (see `axis`).

    Whatever lies beyond the axis is shown by an arrow at the border, with its value.

    Args:
        metric: The metric.
        rows: Label and interval of each sampler, from top to bottom.
    """
    shown = rows[:MOST_ROWS]
    left, right = axis([interval for _, interval in shown])
    labels = [folded(label) for label, _ in shown]
    places, height = _places(labels)
    title = f"{for_plotly(metric.label, 80)}, {GOOD[metric.direction]}"
    layout = {
        "height": 100 + height,
        "xaxis": {"title": {"text": title}, "range": [short(left), short(right)]},
        "yaxis": {
            "tickvals": places, "ticktext": labels, "range": [height, 0], "automargin": True,
            "showgrid": False,
        },
    }  # fmt: skip
    arrows = [_arrows(shown, places, (left, right), sign) for sign in (-1, 1)]
    traces = [_points(shown, labels, places, (left, right)), *(one for one in arrows if one["x"])]
    return figure(traces, layout, _label(metric, shown, (left, right)))


def axis(intervals: Sequence[Interval]) -> Range:
    """Return the range of the axis: of all ends of intervals within Tukey's fences, and a margin.

    The fences are 1.5 interquartile ranges below the first and above the third quartile of all
    ends. Up to a quarter of the ends, however far they are, cannot move the quartiles far, so
    that one of four or more samplers, or one very wide interval, does not stretch the axis.
    """
    pooled = np.array([end for interval in intervals for end in ends(interval)])
    first, third = np.quantile(pooled, (0.25, 0.75))
    reach = REACH * (third - first)
    inside = pooled[(pooled >= first - reach) & (pooled <= third + reach)]
    low, high = float(inside.min()), float(inside.max())
    margin = MARGIN * (high - low) or abs(high) / 10 or 1.0
    return low - margin, high + margin


def beyond(interval: Interval, axis: Range) -> bool:
    """Return whether an interval extends beyond the axis."""
    low, high = ends(interval)
    return low < axis[0] or high > axis[1]


def ends(interval: Interval) -> Range:
    """Return both ends of an interval; the mean twice for a single seed."""
    if interval.low is None or interval.high is None:
        return interval.mean, interval.mean
    return interval.low, interval.high


def _places(labels: Sequence[str]) -> tuple[list[float], int]:
    """Return the vertical centre of every row, and the height of all, in pixels."""
    heights = [max(ROW, 11 + LINE * (label.count(BREAK) + 1)) for label in labels]
    bottoms = list(itertools.accumulate(heights))
    places = [bottom - height / 2 for bottom, height in zip(bottoms, heights, strict=True)]
    return places, bottoms[-1]


def _points(
    rows: Sequence[Row], labels: Sequence[str], places: Sequence[float], axis: Range
) -> Figure:
    """Return means and intervals, cut at the borders of the axis."""
    means = [_within(interval.mean, axis) for _, interval in rows]
    cut = [[_within(end, axis) for end in ends(interval)] for _, interval in rows]
    points = scatter("markers", means, places, "@blue")
    outside = [not axis[0] <= interval.mean <= axis[1] for _, interval in rows]
    points["marker"]["opacity"] = [0 if one else 1 for one in outside]
    return {
        **points,
        "text": labels,
        "customdata": [_text(interval) for _, interval in rows],
        "hovertemplate": "%{text}: %{customdata}<extra></extra>",
        "error_x": {
            "type": "data",
            "array": [short(high - mean) for (_, high), mean in zip(cut, means, strict=True)],
            "arrayminus": [short(mean - low) for (low, _), mean in zip(cut, means, strict=True)],
            "thickness": 2,
            "width": 5,
            "color": "@blue",
        },
    }


def _arrows(rows: Sequence[Row], places: Sequence[float], axis: Range, sign: int) -> Figure:
    """Return arrows at the left (-1) or right (1) border for what lies beyond it.

    The text of an arrow is the mean if it is beyond the border, else the end of the interval.
    """
    border, found = axis[sign > 0], []
    for (_, interval), place in zip(rows, places, strict=True):
        end = ends(interval)[sign > 0]
        if sign * (end - border) > 0:
            outside = sign * (interval.mean - border) > 0
            found.append((place, _text(interval) if outside else f"to {end:.3g}"))
    x = border - sign * INSET * (axis[1] - axis[0])
    arrows = scatter("markers+text", [x] * len(found), [y for y, _ in found], "@vermilion")
    arrows["marker"] |= {"symbol": f"triangle-{'right' if sign > 0 else 'left'}", "size": 11}
    return {
        **arrows,
        "text": [text for _, text in found],
        "textposition": f"top {'left' if sign > 0 else 'right'}",
        "textfont": {"color": "@vermilion", "size": 11},
        "cliponaxis": False,  # which would cut the text of the first row
        "hoverinfo": "skip",
    }


def _label(metric: Metric, rows: Sequence[Row], axis: Range) -> str:
    """Return the description for screen readers, with all values that are not to scale."""
    label = f"{metric.label} of {len(rows)} samplers; first {visible(rows[0][0])}"
    outside = [
        f"{visible(name)} {_text(interval)}" for name, interval in rows if beyond(interval, axis)
    ]
    return f"{label}; beyond the axis: {', '.join(outside)}" if outside else label


def _within(value: float, axis: Range) -> float:
    return min(max(value, axis[0]), axis[1])


def _text(interval: Interval) -> str:
    spread = "" if interval.high is None else f" ±{interval.high - interval.mean:.2g}"
    return f"{interval.mean:.4g}{spread}"
