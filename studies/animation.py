"""Animate runs of descent on the line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from matplotlib.animation import FuncAnimation, PillowWriter
from matplotlib.figure import Figure
from torch import Tensor

from . import figure
from .line import Line

TAIL = 20  # states behind the moving point


def fits(path: Path, line: Line, runs: Mapping[str, Tensor]) -> tuple[Path]:
    """Show the points and the line that moves towards them, side by side for every run.

    Args:
        path: Of the GIF.
        line: What is fitted.
        runs: States of shape (steps + 1, 2), by label.
    """
    picture, panels = figure.canvas("One run at each rate", len(runs), sharey=True)
    x, drawn = torch.tensor([-1.0, 1.0], dtype=torch.float64), []
    for axes, label, colour in zip(panels, runs, figure.COLOURS, strict=False):
        axes.plot(line.features[:, 0], line.targets, "o", color=figure.GREY, markersize=4)
        drawn += axes.plot(x, 0 * x, color=colour, linewidth=3)
        axes.set_ylim(-2, 16)
        figure.describe(axes, label, "x", "y" if axes is panels[0] else "")

    def draw(step: int) -> None:
        picture.suptitle(f"SGD after {step} steps", fontsize=figure.TITLE)
        for moving, states in zip(drawn, runs.values(), strict=True):
            slope, intercept = states[step].tolist()
            moving.set_ydata((slope * x + intercept).tolist())

    last = len(next(iter(runs.values()))) - 1
    frames = sorted({*range(min(last, 30)), *range(0, last, 2), last})
    return write(path, picture, draw, frames)


def trails(path: Path, line: Line, runs: Mapping[str, Tensor]) -> tuple[Path]:
    """Show how slope and intercept move about the minimum, side by side for every run.

    Arguments as in `fits`.
    """
    picture, panels = figure.canvas("", len(runs), size=(12, 4), sharex=True, sharey=True)
    tails, heads = [], []
    for axes, label in zip(panels, runs, strict=True):
        tails += axes.plot([], [], color=figure.BLUE, linewidth=1.5)
        heads += axes.plot([], [], "o", color=figure.VERMILION, markersize=9)
        axes.plot(*line.minimum, "+", color=figure.BLACK, markersize=14)
        axes.set(xlim=(2.2, 3.4), ylim=(9.4, 10.6))
        figure.describe(axes, label, "slope", "intercept" if axes is panels[0] else "")

    def draw(step: int) -> None:
        picture.suptitle(f"SGD at the minimum, step {step}", fontsize=figure.TITLE)
        for tail, head, states in zip(tails, heads, runs.values(), strict=True):
            tail.set_data(*states[max(0, step - TAIL) : step + 1].T)
            head.set_data(*states[step : step + 1].T)

    return write(path, picture, draw, range(0, len(next(iter(runs.values()))), 2))


def write(
    path: Path, picture: Figure, draw: Callable[[int], None], frames: Sequence[int]
) -> tuple[Path]:
    """Write an animation of ten frames a second: `draw` brings the figure to a frame."""
    # Laid out once, else the axes would shake.
    draw(frames[-1])
    picture.draw_without_rendering()
    picture.set_layout_engine("none")
    path.parent.mkdir(parents=True, exist_ok=True)

    def update(frame: int) -> list[Any]:
        draw(frame)
        return []

    animation = FuncAnimation(picture, update, frames=list(frames), init_func=lambda: [])
    animation.save(path, writer=PillowWriter(fps=10), dpi=70)
    return (path,)
