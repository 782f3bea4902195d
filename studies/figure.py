"""Draw figures, and write them with their data, without pyplot's global state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from bdlbench.metrics.statistics import Interval

from .intervals import Floats, half_width

# Okabe & Ito (2008): a colour-blind safe palette.
BLUE, VERMILION, GREEN, ORANGE = "#0072b2", "#d55e00", "#009e73", "#e69f00"
PURPLE, SKY, BLACK, GREY = "#cc79a7", "#56b4e9", "#000000", "#999999"
COLOURS = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY, BLACK)
TITLE, LABEL, SMALL = 17, 14, 12.5  # font sizes in points, for a figure ten inches wide


def canvas(
    title: str, columns: int = 2, rows: int = 1, size: tuple[float, float] = (11, 5), **shared: Any
) -> tuple[Figure, list[Axes]]:
    """Return a figure of `size` inches and its axes in row-major order.

    `shared` are `sharex` and `sharey` of ``Figure.subplots``.
    """
    fig = Figure(figsize=size, layout=ConstrainedLayoutEngine(h_pad=0.09, w_pad=0.09))
    fig.suptitle(title, fontsize=TITLE)
    axes = list(fig.subplots(rows, columns, squeeze=False, **shared).flat)
    for ax in axes:
        ax.tick_params(labelsize=SMALL)
        ax.spines[["top", "right"]].set_visible(False)
    return fig, axes


def describe(axes: Axes, title: str, x: str, y: str, legend: Any = None) -> None:
    """Set the title, the axis labels and, if its location is given, the legend."""
    axes.set_title(title, fontsize=LABEL)
    axes.set_xlabel(x, fontsize=LABEL)
    axes.set_ylabel(y, fontsize=LABEL)
    if legend:
        axes.legend(loc=legend, fontsize=SMALL, frameon=False)


def bars(
    axes: Axes, x: Floats, y: Sequence[Interval], label: str, colour: str = BLUE, line: str = ""
) -> None:
    """Draw means with 95 % confidence intervals as error bars."""
    mean, half = [each.mean for each in y], [half_width(each) for each in y]
    axes.errorbar(
        x, mean, half, label=label, color=colour, linestyle=line, marker="o", capsize=4, lw=2
    )


def curves(axes: Axes, x: Floats, table: Mapping[str, Sequence[Interval]], line: str = "-") -> None:
    """Draw one series of intervals per label, each in a different colour."""
    for (label, intervals), colour in zip(table.items(), COLOURS, strict=False):
        bars(axes, x, intervals, label, colour, line)


def log_axes(axes: Axes, x: Sequence[float], y: Sequence[float] | None = None) -> None:
    """Make x and, if its ticks are given, y logarithmic, with labels at the given ticks only."""
    axes.set_xscale("log")
    axes.set_xticks(x, [f"{tick:g}" for tick in x], minor=False)
    if y is not None:
        axes.set_yscale("log")
        axes.set_yticks(y, [f"{tick:g}" for tick in y], minor=False)
    axes.minorticks_off()


def write(
    out: Path, name: str, fig: Figure, columns: Mapping[str, Iterable[Any]]
) -> tuple[Path, ...]:
    """Write a figure as PNG and SVG and its data as CSV into the folder, and return the paths."""
    out.mkdir(parents=True, exist_ok=True)
    png, svg, table = (out / f"{name}.{suffix}" for suffix in ("png", "svg", "csv"))
    fig.savefig(png, dpi=110)
    fig.savefig(svg)
    pd.DataFrame({key: list(values) for key, values in columns.items()}).to_csv(table, index=False)
    return png, svg, table
