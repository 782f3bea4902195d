"""Learning rate: too slow, right, off the rails."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, optim

from bdlbench.metrics.statistics import seed_interval
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import animation, figure
from .intervals import ends
from .line import points

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
        line, start = points(), torch.zeros(self.runs, 2, dtype=torch.float64)
        paths = {
            rate: line.descend(optim.SGD, rate, self.batch_size, start, self.steps, self.seed)
            for rate in self.rates
        }
        losses = {rate: line.loss(path) for rate, path in paths.items()}
        least, first = float(line.loss(line.minimum)), float(losses[self.rates[0]][0, 0])
        edge = 2 / float(torch.linalg.eigvalsh(line.hessian)[-1])
        numbers, verdicts, parts = {"least": least, "first": first, "edge": edge}, {}, []
        for rate, loss in losses.items():
            end = seed_interval(loss[-1].tolist())
            low, high = ends(end)
            numbers |= {f"loss.{rate:g}": end.mean, f"low.{rate:g}": low, f"high.{rate:g}": high}
            numbers[f"median.{rate:g}"] = float(loss[-1].median())
            verdicts[f"{rate:g}"] = judge(end.mean, least, first)
            parts.append(f"{end.mean:.3g} [{low:.3g}, {high:.3g}] at rate {rate:g}")
        text = (
            f"Fitting y = 3x + 10 by SGD with minibatches of {self.batch_size}, a learning rate of "
            f"{', '.join(f'{rate} is {verdict}' for rate, verdict in verdicts.items())} "
            f"(gradient descent is stable below {edge:.3f}). The loss starts at {first:.3g}, its "
            f"least is {least:.3g}, and after {self.steps} steps it is {', '.join(parts)} "
            f"(mean of {self.runs} runs and its 95 % interval)."
        )
        title = "SGD on a line, rate " + ", ".join(f"{k}: {v}" for k, v in verdicts.items())
        files = self._draw(out, title, losses, least)
        if self.animate:
            first_runs = {f"η = {rate:g}": path[:, 0] for rate, path in paths.items()}
            files += animation.fits(out / "learning-rate.gif", line, first_runs)
        return Finding(text, numbers, files)

    def _draw(
        self, out: Path, title: str, losses: dict[float, Tensor], least: float
    ) -> tuple[Path, ...]:
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
        return figure.write(
            out, "learning-rate", picture, figure.long(means, "step", "rate", "loss")
        )


def judge(loss: float, least: float, first: float) -> str:
    """Describe a final loss."""
    if not loss < first:
        return "off the rails"
    return "right" if loss < RIGHT * least else "too slow"
