"""Animate gradient descent on the line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import torch
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from torch import Tensor

from . import figure
from .line import Line

TAIL = 20  # states drawn behind the current one


def fits(path: Path, line: Line, runs: Mapping[str, Tensor]) -> tuple[Path]:
    """Animate the data and the fitted line, one panel per run, and return the path of the GIF.

    `runs` are states of shape (steps + 1, 2), by label.
    """
    fig, panels = figure.canvas("One run per learning rate", len(runs), sharey=True)
    x, drawn = torch.tensor([-1.0, 1.0], dtype=torch.float64), []
    for axes, label, colour in zip(panels, runs, figure.COLOURS, strict=False):
        axes.plot(line.features[:, 0], line.targets, "o", color=figure.GREY, markersize=4)
        drawn += axes.plot(x, 0 * x, color=colour, linewidth=3)
        axes.set_ylim(-2, 16)
        figure.describe(axes, label, "x", "y" if axes is panels[0] else "")

    def draw(step: int) -> list[Line2D]:
        fig.suptitle(f"SGD after {step} steps", fontsize=figure.TITLE)
        for fitted, states in zip(drawn, runs.values(), strict=True):
            slope, intercept = states[step].tolist()
            fitted.set_ydata((slope * x + intercept).tolist())
        return drawn

    last = len(next(iter(runs.values()))) - 1
    return write(path, fig, draw, sorted({*range(min(last, 30)), *range(0, last, 2), last}))


def trails(path: Path, line: Line, runs: Mapping[str, Tensor]) -> tuple[Path]:
    """Animate slope and intercept around the minimum; arguments as in `fits`."""
    fig, panels = figure.canvas("", len(runs), size=(12, 4), sharex=True, sharey=True)
    tails, heads = [], []
    for axes, label in zip(panels, runs, strict=True):
        tails += axes.plot([], [], color=figure.BLUE, linewidth=1.5)
        heads += axes.plot([], [], "o", color=figure.VERMILION, markersize=9)
        axes.plot(*line.minimum, "+", color=figure.BLACK, markersize=14)
        axes.set(xlim=(2.2, 3.4), ylim=(9.4, 10.6))
        figure.describe(axes, label, "slope", "intercept" if axes is panels[0] else "")

    def draw(step: int) -> list[Line2D]:
        fig.suptitle(f"SGD at the minimum, step {step}", fontsize=figure.TITLE)
        for tail, head, states in zip(tails, heads, runs.values(), strict=True):
            tail.set_data(*states[max(0, step - TAIL) : step + 1].T)
            head.set_data(*states[step : step + 1].T)
        return heads

    return write(path, fig, draw, range(0, len(next(iter(runs.values()))), 2))


def write(
    path: Path, fig: Figure, draw: Callable[[int], list[Line2D]], frames: Sequence[int]
) -> tuple[Path]:
    """Write an animation with ten frames per second; `draw` updates the figure to a step."""
    draw(frames[-1])
    fig.draw_without_rendering()
    fig.set_layout_engine("none")  # a layout per frame would make the axes jump
    path.parent.mkdir(parents=True, exist_ok=True)
    FuncAnimation(fig, draw, list(frames)).save(path, writer=PillowWriter(fps=10), dpi=70)
    return (path,)
