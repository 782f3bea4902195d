"""Describe figures to plotly.js: what is drawn where. Colours are names of the style sheet's.

A figure is ``{"data", "layout", "label"}``; the script puts in what all figures share (fonts,
colours of light and dark) and draws it. The label says in words what is seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bdlbench.scores import Metric
from bdlbench.site.evidence import BARS, Bin, Course, Histogram
from bdlbench.site.text import for_plotly, visible
from bdlbench.statistics import Interval

Figure = dict[str, Any]
MOST_ROWS = 30  # of a forest plot: what is further down is in the table
CONFIDENCE = "confidence: the highest probability"
GOOD = {"up": "higher is better", "down": "lower is better"}


def forest(metric: Metric, rows: Sequence[tuple[str, Interval]]) -> Figure:
    """Draw a metric of every sampler with its interval, the first at the top.

    Args:
        metric: What is drawn.
        rows: Label and interval of each.
    """
    shown = rows[:MOST_ROWS]
    places = list(range(len(shown)))
    points = {
        "type": "scatter",
        "mode": "markers",
        "x": [_short(interval.mean) for _, interval in shown],
        "y": places,
        "text": [for_plotly(label) for label, _ in shown],
        "hovertemplate": "%{text}: %{x}<extra></extra>",
        "marker": {"size": 10, "color": "@blue"},
        "error_x": {**_bars([interval for _, interval in shown]), "color": "@blue"},
    }
    layout = {
        "height": 100 + 26 * len(shown),
        "xaxis": {"title": {"text": f"{for_plotly(metric.label, 80)}, {GOOD[metric.direction]}"}},
        "yaxis": {
            "tickvals": places,
            "ticktext": points["text"],
            "range": [len(shown) - 0.5, -0.5],
            "automargin": True,
            "showgrid": False,
        },
    }
    first = f"; first {visible(shown[0][0], 40)}" if shown else ""
    return _figure([points], layout, f"{metric.label} of {len(shown)} samplers{first}")


def reliability(bins: Sequence[Bin]) -> Figure:
    """Draw accuracy against confidence, and beneath it how many inputs there are in each bin."""
    filled = [b for b in bins if b.count]
    data: list[Figure] = [
        {
            "type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "hoverinfo": "skip",
            "line": {"dash": "dash", "color": "@soft", "width": 1.5},
        },
        {
            "type": "scatter", "mode": "lines+markers",
            "x": [_short(b.confidence) for b in filled], "y": [_short(b.accuracy) for b in filled],
            "line": {"color": "@blue", "width": 2}, "marker": {"color": "@blue", "size": 8},
            "hovertemplate": "confidence %{x:.3f}<br>accuracy %{y:.3f}<extra></extra>",
        },
        {
            "type": "bar", "xaxis": "x", "yaxis": "y2",
            "x": [(b.low + b.high) / 2 for b in bins], "y": [b.count for b in bins],
            "width": 0.9 / len(bins), "marker": {"color": "@grey"},
            "hovertemplate": "%{y} inputs<extra></extra>",
        },
    ]  # fmt: skip
    layout = {
        "height": 400,
        "xaxis": {"title": {"text": CONFIDENCE}, "range": [0, 1.02], "anchor": "y2"},
        "yaxis": {"title": {"text": "accuracy"}, "range": [0, 1.05], "domain": [0.36, 1]},
        "yaxis2": {
            "title": {"text": "inputs (log)"}, "type": "log", "domain": [0, 0.28],
            "dtick": 1,
        },
    }  # fmt: skip
    return _figure(data, layout, "Reliability diagram: accuracy against confidence in 15 bins")


def confidence(histograms: Sequence[Histogram], names: Mapping[str, str]) -> Figure:
    """Draw how sure the model is of each set of inputs, one panel beneath the other.

    Args:
        histograms: The in-distribution set first.
        names: What the sets are called.
    """
    count, gap = len(histograms), 0.16
    height = (1 - gap * (count - 1)) / count
    centres = [round((k + 0.5) / BARS, 4) for k in range(BARS)]
    data, notes = [], []
    layout: Figure = {"height": 110 + 125 * count, "bargap": 0.08}
    for k, found in enumerate(histograms):
        number, top = str(k + 1) if k else "", 1 - k * (height + gap)
        data.append(
            {
                "type": "bar", "x": centres, "y": [_short(100 * s) for s in found.shares],
                "yaxis": f"y{number}", "marker": {"color": "@vermilion" if k else "@blue"},
                "hovertemplate": "%{y:.1f} % of the inputs<extra></extra>",
            }
        )  # fmt: skip
        layout[f"yaxis{number}"] = {"domain": [max(0.0, top - height), top], "ticksuffix": " %"}
        text = f"{for_plotly(names[found.name], 60)}: {found.sure:.1%} above 0.9"
        notes.append(
            {
                "text": text, "xref": "paper", "yref": "paper", "x": 0, "y": top,
                "xanchor": "left", "yanchor": "bottom", "showarrow": False,
            }
        )  # fmt: skip
    title = {"text": "confidence: the highest probability"}
    layout |= {
        "annotations": notes,
        "xaxis": {"title": title, "range": [0, 1], "anchor": f"y{number}"},
    }
    return _figure(data, layout, "Histograms of the highest probability, a panel for each set")


def budget(
    metric: Metric, courses: Sequence[Course], ends: Sequence[tuple[float, Interval]]
) -> Figure:
    """Draw a metric against the epochs that were spent.

    Args:
        metric: What is drawn.
        courses: Of single runs; empty if none can be known.
        ends: Epochs and interval of whole runs, a pair for each budget, the smallest first.
    """
    data: list[Figure] = [
        {
            "type": "scatter", "mode": "lines",
            "x": [_short(x) for x in course.epochs],
            "y": [_short(y) for y in course.values[metric.name]],
            "line": {"color": "@soft", "width": 1, "dash": "dot"},
            "hovertemplate": f"seed {course.seed}, %{{x}} epochs: %{{y}}<extra></extra>",
        }
        for course in courses
        if metric.name in course.values
    ]  # fmt: skip
    data.append(
        {
            "type": "scatter", "mode": "lines+markers",
            "x": [_short(epochs) for epochs, _ in ends],
            "y": [_short(interval.mean) for _, interval in ends],
            "error_y": {**_bars([interval for _, interval in ends]), "color": "@blue"},
            "line": {"color": "@blue", "width": 2.5}, "marker": {"color": "@blue", "size": 9},
            "hovertemplate": "%{x} epochs: %{y}<extra></extra>",
        }
    )  # fmt: skip
    spent = [x for line in data for x in line["x"]]
    layout = {
        "height": 260,
        "xaxis": {"title": {"text": "epochs (log)"}, "type": "log", **_ticks(spent)},
        "yaxis": {"automargin": True},
    }
    return _figure(data, layout, f"{metric.label} against the epochs that were spent")


def _ticks(spent: Sequence[float]) -> Figure:
    """Return ticks at 1, 3, 10, 30, …; plotly's own of a short axis are hard to read."""
    low, high = min(spent), max(spent)
    marks = [a * 10**k for k in range(-3, 9) for a in (1, 3)]
    found = [mark for mark in marks if low / 1.2 <= mark <= high * 1.2]
    found = found if len(found) > 1 else sorted({low, high})
    return {"tickvals": found, "ticktext": [f"{mark:,.4g}" for mark in found]}


def _figure(data: Sequence[Figure], layout: Figure, label: str) -> Figure:
    return {"data": list(data), "layout": layout, "label": label}


def _bars(intervals: Sequence[Interval]) -> Figure:
    """Return error bars; a mean of one seed has none."""
    up = [0.0 if i.high is None else _short(i.high - i.mean) for i in intervals]
    down = [0.0 if i.low is None else _short(i.mean - i.low) for i in intervals]
    return {"type": "data", "array": up, "arrayminus": down, "thickness": 2, "width": 5}


def _short(value: float | None) -> float | None:
    """Return six digits, which is more than is seen: the page shall be small."""
    return None if value is None else float(f"{value:.6g}")
