"""Figures for plotly.js, with colours by their names in the style sheet.

A figure is ``{"data", "layout", "label"}``; ``plots.js`` adds the fonts and colours of the page,
and draws it. The label is a description for screen readers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bdlbench.metrics.scores import Metric
from bdlbench.metrics.statistics import Interval
from bdlbench.site.evidence import BARS, SURE, Bin, Course, Histogram
from bdlbench.site.text import for_plotly

Figure = dict[str, Any]
CONFIDENCE = "confidence: the highest probability"
NOTE = {
    "xref": "paper", "yref": "paper", "x": 0, "xanchor": "left", "yanchor": "bottom",
    "showarrow": False,
}  # fmt: skip
GOOD = {"up": "higher is better", "down": "lower is better"}


def reliability(bins: Sequence[Bin]) -> Figure:
    """Return a reliability diagram, with the number of inputs per bin below."""
    filled = [b for b in bins if b.count]
    diagonal = scatter("lines", [0, 1], [0, 1], "@soft", dash="dash", width=1.5)
    confidences, accuracies = [b.confidence for b in filled], [b.accuracy for b in filled]
    points = {
        **scatter("lines+markers", confidences, accuracies, "@blue"),
        "hovertemplate": "confidence %{x:.3f}<br>accuracy %{y:.3f}<extra></extra>",
    }
    centres, counts = [(b.low + b.high) / 2 for b in bins], [b.count for b in bins]
    bars = {
        **_bar(centres, counts, "@grey", "%{y} inputs"), "yaxis": "y2", "width": 0.9 / len(bins),
    }  # fmt: skip
    layout = {
        "height": 400,
        "xaxis": {"title": {"text": CONFIDENCE}, "range": [0, 1.02], "anchor": "y2"},
        "yaxis": {"title": {"text": "accuracy"}, "range": [-0.04, 1.05], "domain": [0.36, 1]},
        "yaxis2": {
            "title": {"text": "inputs (log)"}, "type": "log", "domain": [0, 0.28], "dtick": 1,
        },
    }  # fmt: skip
    data = [{**diagonal, "hoverinfo": "skip"}, points, bars]
    return figure(data, layout, "Reliability diagram: accuracy against confidence in 15 bins")


def confidence(histograms: Sequence[Histogram], names: Mapping[str, str]) -> Figure:
    """Return histograms of the confidence, one panel per set of inputs.

    Args:
        histograms: One per set, the in-distribution set first.
        names: Labels of the sets.
    """
    gap, centres = 0.16, [round((k + 0.5) / BARS, 4) for k in range(BARS)]
    height = (1 - gap * (len(histograms) - 1)) / len(histograms)
    data, notes, layout = [], [], Figure(height=110 + 125 * len(histograms), bargap=0.08)
    for k, histogram in enumerate(histograms):
        axis, top = f"{k + 1}" if k else "", 1 - k * (height + gap)
        shares = [100 * share for share in histogram.shares]
        colour = "@vermilion" if k else "@blue"
        hover = "%{y:.1f} % of the inputs"
        data.append({**_bar(centres, shares, colour, hover), "yaxis": f"y{axis}"})
        layout[f"yaxis{axis}"] = {"domain": [max(0.0, top - height), top], "ticksuffix": " %"}
        text = f"{for_plotly(names[histogram.name], 60)}: {histogram.sure:.1%} above {SURE}"
        notes.append({**NOTE, "text": text, "y": top})
    below = {"title": {"text": CONFIDENCE}, "range": [0, 1], "anchor": f"y{axis}"}
    layout |= {"annotations": notes, "xaxis": below}
    return figure(data, layout, "Histograms of the confidence, one panel per set")


def budget(
    metric: Metric, courses: Sequence[Course], ends: Sequence[tuple[float, Interval]]
) -> Figure:
    """Return a plot of a metric against epochs.

    Args:
        metric: The metric.
        courses: Learning curves of single runs.
        ends: Epochs and confidence interval of complete runs, one pair per budget.
    """
    data = [
        {
            **scatter("lines", course.epochs, values, "@soft", dash="dot", width=1),
            "hovertemplate": f"seed {course.seed}, %{{x}} epochs: %{{y}}<extra></extra>",
        }
        for course in courses
        if (values := course.values.get(metric.name))
    ]
    costs, intervals = [epochs for epochs, _ in ends], [interval for _, interval in ends]
    points = scatter("lines+markers", costs, [interval.mean for interval in intervals], "@blue")
    hover = "%{x} epochs: %{y}<extra></extra>"
    data.append({**points, "error_y": _bars(intervals), "hovertemplate": hover})
    ticks = _ticks([x for line in data for x in line["x"]])
    layout = {
        "height": 260,
        "xaxis": {"title": {"text": "epochs (log)"}, "type": "log", **ticks},
        "yaxis": {"automargin": True},
    }
    return figure(data, layout, f"{metric.label} against epochs")


def scatter(
    mode: str,
    x: Sequence[float | None],
    y: Sequence[float | None],
    colour: str,
    **line: str | float,
) -> Figure:
    """Return a trace of points or lines in one colour."""
    return {
        "type": "scatter",
        "mode": mode,
        "x": [short(value) for value in x],
        "y": [short(value) for value in y],
        "marker": {"color": colour, "size": 9},
        "line": {"color": colour, "width": 2.5, **line},
    }


def _bar(x: Sequence[float], y: Sequence[float], colour: str, hover: str) -> Figure:
    return {
        "type": "bar",
        "x": [short(value) for value in x],
        "y": [short(value) for value in y],
        "marker": {"color": colour},
        "hovertemplate": f"{hover}<extra></extra>",
    }


def _ticks(epochs: Sequence[float]) -> Figure:
    """Return ticks at 1, 3, 10, 30, …; plotly's are hard to read on short log axes."""
    low, high = min(epochs), max(epochs)
    candidates = [a * 10**k for k in range(-3, 9) for a in (1, 3)]
    ticks = [tick for tick in candidates if low / 1.2 <= tick <= high * 1.2]
    ticks = ticks if len(ticks) > 1 else sorted({low, high})
    return {"tickvals": ticks, "ticktext": [f"{tick:,.4g}" for tick in ticks]}


def figure(data: Sequence[Figure], layout: Figure, label: str) -> Figure:
    """Return a figure from its traces, its layout and its description."""
    return {"data": list(data), "layout": layout, "label": label}


def _bars(intervals: Sequence[Interval]) -> Figure:
    """Return error bars, of size 0 for a single seed."""
    up = [0.0 if i.high is None else short(i.high - i.mean) for i in intervals]
    down = [0.0 if i.low is None else short(i.mean - i.low) for i in intervals]
    size = {"thickness": 2, "width": 5, "color": "@blue"}
    return {"type": "data", "array": up, "arrayminus": down, **size}


def short(value: float | None) -> float | None:
    """Round to six significant digits, to reduce the size of the page."""
    return None if value is None else float(f"{value:.6g}")
