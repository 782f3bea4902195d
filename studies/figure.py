"""Draw and write plots and their data, without pyplot's global state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from bdlbench.metrics.statistics import Interval

from .intervals import half_width

# Okabe & Ito (2008): told apart by everyone.
BLUE, VERMILION, GREEN, ORANGE = "#0072b2", "#d55e00", "#009e73", "#e69f00"
PURPLE, SKY, BLACK, GREY = "#cc79a7", "#56b4e9", "#000000", "#999999"
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
TITLE, LABEL, SMALL = 17, 14, 12.5  # points, on a picture ten inches wide


def canvas(
    title: str, columns: int = 2, rows: int = 1, size: tuple[float, float] = (11, 5), **shared: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure under a title, and its axes row by row.

    Args:
        title: The finding, in a line.
        columns: Axes side by side.
        rows: Axes one below the other.
        size: Width and height in inches.
        **shared: `sharex` and `sharey`, as for ``Figure.subplots``.
    """
    figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.09, w_pad=0.09))
    FigureCanvasAgg(figure)
    figure.suptitle(title, fontsize=TITLE)
    grid = figure.subplots(rows, columns, squeeze=False, **shared)
    axes = list(grid.flat)
    for ax in axes:
        ax.tick_params(labelsize=SMALL)
        ax.spines[["top", "right"]].set_visible(False)
    return figure, axes


def describe(axes: Axes, title: str, x: str, y: str, legend: Any = None) -> None:
    """Write an axes' title and labels, and its legend at the place named."""
    axes.set_title(title, fontsize=LABEL)
    axes.set_xlabel(x, fontsize=LABEL)
    axes.set_ylabel(y, fontsize=LABEL)
    if legend:
        axes.legend(loc=legend, fontsize=SMALL, frameon=False)


def bars(
    axes: Axes,
    x: Sequence[float] | NDArray[np.float64],
    intervals: Sequence[Interval],
    label: str,
    colour: str = BLUE,
    line: str = "",
) -> None:
    """Draw means with their 95 % intervals."""
    y = [interval.mean for interval in intervals]
    half = [half_width(interval) for interval in intervals]
    axes.errorbar(
        x, y, half, label=label, color=colour, linestyle=line, marker="o", capsize=4, linewidth=2
    )


def curves(
    axes: Axes,
    x: Sequence[float] | NDArray[np.float64],
    table: Mapping[str, Sequence[Interval]],
    line: str = "-",
) -> None:
    """Draw a series of intervals for every label, each in a different colour."""
    for (label, intervals), colour in zip(table.items(), COLOURS, strict=False):
        bars(axes, x, intervals, label, colour, line)


def dots(axes: Axes, rows: Mapping[str, Interval], marked: Sequence[str]) -> None:
    """Draw an interval a row, the first at the top; those of marked names blue, others red."""
    for y, (name, interval) in enumerate(rows.items()):
        colour = BLUE if name in marked else VERMILION
        axes.errorbar(
            interval.mean, y, xerr=half_width(interval), fmt="o", color=colour, capsize=4,
            linewidth=2, markersize=8,
        )  # fmt: skip
    axes.set_yticks(range(len(rows)), list(rows))
    if not axes.yaxis_inverted():  # axes that share it are inverted together
        axes.invert_yaxis()


def log_axes(axes: Axes, x: Sequence[float], y: Sequence[float] | None = None) -> None:
    """Make the axes logarithmic, x and, if its ticks are given, y; label these ticks alone."""
    axes.set_xscale("log")
    axes.set_xticks(x, [f"{tick:g}" for tick in x], minor=False)
    if y is not None:
        axes.set_yscale("log")
        axes.set_yticks(y, [f"{tick:g}" for tick in y], minor=False)
    axes.minorticks_off()


def write(
    out: Path, name: str, figure: Figure, columns: Mapping[str, Iterable[Any]]
) -> tuple[Path, ...]:
    """Write a picture as PNG and SVG, and the data behind it as CSV; return the paths.

    Args:
        out: The folder; it is made if need be.
        name: Name of the files.
        figure: The picture.
        columns: The data, column by column, all of one length.
    """
    out.mkdir(parents=True, exist_ok=True)
    png, svg, table = (out / f"{name}.{suffix}" for suffix in ("png", "svg", "csv"))
    figure.savefig(png, dpi=110)
    figure.savefig(svg)
    pd.DataFrame({key: list(values) for key, values in columns.items()}).to_csv(table, index=False)
    return png, svg, table


def long(table: Mapping[Any, Any], x: str, group: str, value: str) -> dict[str, list[Any]]:
    """Return {group: series} as three columns: the group, the index in the series, the value."""
    columns: dict[str, list[Any]] = {group: [], x: [], value: []}
    for key, series in table.items():
        values = np.asarray(series).tolist()
        columns[group] += [key] * len(values)
        columns[x] += range(len(values))
        columns[value] += values
    return columns
