"""Learning rate: too slow, right, off the rails."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, optim

from bdlbench.registry import register
from bdlbench.statistics import seed_interval
from bdlbench.studies import figure
from bdlbench.studies.line import Line, descend, points
from bdlbench.studies.study import Finding, Say

RIGHT = 1.25  # times the least loss: as good as the bottom


@register("learning-rate")
@dataclass(frozen=True)
class LearningRate:
    """Fit the line y = 3x + 10 by SGD at 0.01, 0.1 and 1: too slow, right, off the rails.

    Source: a tutorial on the learning rate, whose verdicts these are, for minibatches of 16.
    Every run starts at slope 0 and intercept 0.

    Args:
        steps: Of every run.
        batch_size: Points in a minibatch.
        runs: Runs at each rate.
        seed: Of the minibatches.
        animate: Whether to write the animation, too.
    """

    rates: ClassVar[tuple[float, ...]] = (0.01, 0.1, 1.0)
    steps: int = 60
    batch_size: int = 16
    runs: int = 200
    seed: int = 0
    animate: bool = True

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the loss after the last step with the first and with the least."""
        line = points()
        paths = {rate: self._path(line, rate) for rate in self.rates}
        losses = {rate: line.loss(path) for rate, path in paths.items()}
        least, first = float(line.loss(line.minimum)), float(losses[self.rates[0]][0, 0])
        edge = 2 / float(torch.linalg.eigvalsh(line.hessian)[-1])
        numbers, verdicts, parts = {"least": least, "first": first, "edge": edge}, {}, []
        for rate, loss in losses.items():
            end = seed_interval(loss[-1].tolist())
            low, high = end.low or end.mean, end.high or end.mean
            numbers |= {f"loss.{rate:g}": end.mean, f"low.{rate:g}": low, f"high.{rate:g}": high}
            verdicts[rate] = judge(end.mean, least, first)
            numbers[f"median.{rate:g}"] = float(loss[-1].median())
            parts.append(f"{end.mean:.3g} [{low:.3g}, {high:.3g}] at rate {rate:g}")
        text = (
            f"Fitting y = 3x + 10 by SGD with minibatches of {self.batch_size}, a learning rate of "
            + ", ".join(f"{rate:g} is {verdict}" for rate, verdict in verdicts.items())
            + f" (gradient descent is stable below {edge:.3f}). The loss starts at {first:.3g}, "
            f"its least is {least:.3g}, and after {self.steps} steps it is "
            + ", ".join(parts)
            + f" (mean of {self.runs} runs and its 95 % interval)."
        )
        files = self._draw(out, losses, least, verdicts)
        if self.animate:
            files += self._animate(out, line, paths)
        return Finding(text, numbers, files)

    def _path(self, line: Line, rate: float) -> Tensor:
        rng = torch.Generator().manual_seed(self.seed)
        start = torch.zeros(self.runs, 2, dtype=torch.float64)
        states = descend(line, lambda p: optim.SGD(p, rate), self.batch_size, start, rng)
        return torch.stack(list(islice(states, self.steps + 1)))

    def _draw(
        self, out: Path, losses: dict[float, Tensor], least: float, verdicts: dict[float, str]
    ) -> tuple[Path, ...]:
        title = "SGD on a line, rate " + ", ".join(f"{r:g}: {v}" for r, v in verdicts.items())
        picture, (axes,) = figure.canvas(title, 1)
        for (rate, loss), colour in zip(losses.items(), figure.COLOURS, strict=False):
            axes.semilogy(loss[:, :10], color=colour, alpha=0.3, linewidth=0.8)
            axes.semilogy(loss.mean(1), color=colour, linewidth=3, label=f"η = {rate:g}")
        axes.axhline(least, color=figure.BLACK, linestyle=":", label="least loss")
        axes.set_ylim(least / 3)
        axes.legend(loc="upper center", ncols=4, fontsize=figure.SMALL, frameon=False)
        axes.set_ylim(top=3e4)
        about = f"bold: mean of {self.runs} runs; thin: ten of them"
        figure.describe(axes, about, "step", "loss (mean squared error)")
        means = {rate: loss.mean(1) for rate, loss in losses.items()}
        columns = figure.long(means, "step", "rate", "loss")
        return figure.write(out, "learning-rate", picture, columns)

    def _animate(self, out: Path, line: Line, paths: dict[float, Tensor]) -> tuple[Path, ...]:
        picture, panels = figure.canvas("One run at each rate", len(paths), sharey=True)
        x = torch.tensor([-1.0, 1.0], dtype=torch.float64)
        lines = []
        for axes, rate, colour in zip(panels, paths, figure.COLOURS, strict=False):
            axes.plot(line.features[:, 0], line.targets, "o", color=figure.GREY, markersize=4)
            lines += axes.plot(x, 0 * x, color=colour, linewidth=3)
            axes.set_ylim(-2, 16)
            figure.describe(axes, f"η = {rate:g}", "x", "y" if axes is panels[0] else "")

        def draw(step: int) -> None:
            picture.suptitle(f"SGD after {step} steps", fontsize=figure.TITLE)
            for drawn, path in zip(lines, paths.values(), strict=True):
                slope, intercept = path[step, 0].tolist()
                drawn.set_ydata((slope * x + intercept).tolist())

        frames = sorted({*range(min(self.steps, 30)), *range(0, self.steps, 2), self.steps})
        return figure.write_gif(out / "learning-rate.gif", picture, draw, frames)


def judge(loss: float, least: float, first: float) -> str:
    """Put a final loss in words."""
    if not loss < first:
        return "off the rails"
    return "right" if loss < RIGHT * least else "too slow"
