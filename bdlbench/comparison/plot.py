"""Plot a comparison: the confidence on known and unknown inputs, and the metrics."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bdlbench.comparison import table
from bdlbench.comparison.columns import scored_column
from bdlbench.errors import BdlbenchError
from bdlbench.metrics import EQUAL, regression
from bdlbench.records import store
from bdlbench.records.densities import Densities

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bdlbench.comparison.summary import Summary

# Okabe & Ito's palette, which colour-blind readers can tell apart, without yellow.
COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
SUFFIXES = (".pdf", ".png", ".svg")
BARS = 18
SURE = 0.9  # as in `metrics.confident`

Confidence = Mapping[str, NDArray[np.float64]]
"""Of each input by set, pooled over seeds: the highest class probability, or for real targets the
standard deviation of the prediction."""


def check_path(path: str | os.PathLike[str]) -> Path:
    """Check where a plot is to be written, before the runs.

    Raises:
        BdlbenchError: The suffix is unknown, or there is no such folder to write to.
    """
    file = Path(path)
    if file.suffix not in SUFFIXES:
        raise BdlbenchError(f"expected --plot FILE{' or '.join(SUFFIXES)}, got {str(path)!r}")
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK) or file.is_dir():
        raise BdlbenchError(f"--plot {file}: expected a file in a folder that can be written to")
    return file


def plot(comparison: Summary) -> Figure:
    """Plot a comparison.

    Above: a histogram of the highest class probability, or of the predictive standard deviation,
    for the evaluation set and every OOD set.
    Below: the headline metrics with 95 % confidence intervals over seeds.
    """
    from matplotlib.figure import Figure

    results = comparison.setup.results
    confidences = {row.sampler: confidence(results, row.runs) for row in comparison.rows}
    confidences = {name: sets for name, sets in confidences.items() if sets}
    known = comparison.setup.split
    found = next(iter(confidences.values()), {})
    sets = sorted(found, key=lambda name: name != known)  # in distribution first
    every = [values for one in confidences.values() for values in one.values()]
    real = comparison.setup.task.kind == "real"
    colours = dict(zip((row.sampler for row in comparison.rows), cycle(COLOURS), strict=False))
    width = max(3 * len(comparison.headline), 4 * len(sets))
    figure = Figure(figsize=(width, 4.2 + 0.9 + 0.3 * len(comparison.rows)), layout="constrained")
    heights = [4.2, 0.9 + 0.3 * len(comparison.rows)]
    grid = figure.add_gridspec(2, 1, height_ratios=heights)
    above, below = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
    if sets:
        panels = np.ravel(above.subplots(1, len(sets), sharey=True))
        for axes, name in zip(panels, sets, strict=True):
            title = f"{name}: {'known' if name == known else 'unknown'} inputs"
            values = {sampler: one[name] for sampler, one in confidences.items()}
            if real:
                _deviations(axes, title, values, colours, max(one.max() for one in every))
            else:
                histogram(axes, title, values, colours, min(one.min() for one in every))
        panels[0].set_ylabel("share of inputs (%)")
    panels = np.ravel(below.subplots(1, len(comparison.headline), sharey=True))
    for axes, metric in zip(panels, comparison.headline, strict=True):
        _intervals(axes, comparison, metric, colours)
    figure.suptitle(table.question(comparison))
    return figure


def histogram(
    axes: Axes,
    title: str,
    values: Mapping[str, NDArray[np.float64]],
    colours: Mapping[str, str],
    lowest: float = 0.1,
) -> None:
    """Draw a histogram of the highest class probability per sampler, with its share above 0.9."""
    labels = {
        sampler: f"{sampler}: {(highest > SURE * (1 + EQUAL)).mean():.0%} above {SURE}"
        for sampler, highest in values.items()
    }
    _outlines(axes, (float(np.floor(10 * lowest) / 10), 1), values, colours, labels)
    axes.set(title=title, xlabel="highest class probability")
    axes.legend(loc="upper left", frameon=False)


def _deviations(
    axes: Axes,
    title: str,
    values: Mapping[str, NDArray[np.float64]],
    colours: Mapping[str, str],
    highest: float,
) -> None:
    """Draw a histogram of the standard deviation of the prediction per sampler."""
    _outlines(axes, (0, highest), values, colours, {sampler: sampler for sampler in values})
    axes.set(title=title, xlabel="standard deviation of the prediction")
    axes.legend(frameon=False)


def _outlines(
    axes: Axes,
    limits: tuple[float, float],
    values: Mapping[str, NDArray[np.float64]],
    colours: Mapping[str, str],
    labels: Mapping[str, str],
) -> None:
    """Draw the outline of a histogram per sampler, in percent of its values."""
    bins = np.linspace(*limits, BARS + 1).tolist()
    for sampler, found in values.items():
        axes.hist(
            found, bins, weights=np.full(len(found), 100 / len(found)),
            histtype="step", linewidth=2.2, color=colours[sampler], label=labels[sampler],
        )  # fmt: skip
    axes.set_xlim(limits)
    axes.spines[["top", "right"]].set_visible(False)


def _intervals(axes: Axes, comparison: Summary, metric: str, colours: Mapping[str, str]) -> None:
    """Draw the mean and confidence interval of every sampler, the first at the top."""
    column = scored_column(metric)
    for place, row in enumerate(comparison.rows):
        interval = row.metrics.get(metric)
        if interval is not None:
            half = 0 if interval.high is None else interval.high - interval.mean
            axes.errorbar(
                interval.mean, place, xerr=half, fmt="o", capsize=4, color=colours[row.sampler]
            )
    axes.set_title(f"{column.title} {column.arrow}", fontsize="medium")
    axes.set_yticks(range(len(comparison.rows)), [row.sampler for row in comparison.rows])
    axes.set_ylim(len(comparison.rows) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=4)
    axes.spines[["top", "right"]].set_visible(False)


def confidence(results: Path, runs: Sequence[str]) -> Confidence:
    """Return the highest class probability or standard deviation of each input, over runs."""
    values: dict[str, list[NDArray[np.float64]]] = {}
    for run in runs:
        folder = store.folder_of(results, run)
        for name, predictions in store.read_predictions(folder, store.read(folder)).items():
            if isinstance(predictions, Densities):
                found = regression.standard_deviation(predictions)
            else:
                found = predictions.probabilities.max(axis=1)
            values.setdefault(name, []).append(found)
    return {name: np.concatenate(parts) for name, parts in values.items()}
