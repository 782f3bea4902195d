"""Learning rate: too slow, suitable, divergent."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, optim

from bdlbench.metrics.statistics import seed_interval
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import animation, figure
from .intervals import ends
from .line import points

CONVERGED = 1.25  # times the minimum


@register("learning-rate")
@dataclass(frozen=True)
class LearningRate:
    """Fit the line y = 3x + 10 by SGD at 0.01, 0.1 and 1: too slow, suitable, divergent.

    Source: a tutorial on the learning rate, which gives these verdicts for minibatches of 16.
    Every run starts at slope 0 and intercept 0.

    Args:
        steps: Steps per run.
        batch_size: Batch size.
        runs: Runs per learning rate.
        seed: Random seed of the minibatches.
        animate: Whether to write the animation as well.
    """

    rates: ClassVar[tuple[float, ...]] = (0.01, 0.1, 1.0)
    steps: int = 60
    batch_size: int = 16
    runs: int = 200
    seed: int = 0
    animate: bool = True

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the final loss with the initial loss and with the minimum."""
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
            parts.append(f"{end.mean:.3g} [{low:.3g}, {high:.3g}] at η = {rate:g}")
        text = (
            f"Fitting y = 3x + 10 by SGD with minibatches of {self.batch_size}, a learning rate of "
            f"{', '.join(f'{rate} is {verdict}' for rate, verdict in verdicts.items())} "
            f"(gradient descent is stable below {edge:.3f}). The loss starts at {first:.3g}, its "
            f"minimum is {least:.3g}, and after {self.steps} steps it is {', '.join(parts)} "
            f"(mean over {self.runs} runs, with its 95 % confidence interval)."
        )
        title = "SGD on a line, η = " + ", ".join(f"{k}: {v}" for k, v in verdicts.items())
        files = self._draw(out, title, losses, least)
        if self.animate:
            first_runs = {f"η = {rate:g}": path[:, 0] for rate, path in paths.items()}
            files += animation.fits(out / "learning-rate.gif", line, first_runs)
        return Finding(text, numbers, files)

    def _draw(
        self, out: Path, title: str, losses: dict[float, Tensor], least: float
    ) -> tuple[Path, ...]:
        fig, (axes,) = figure.canvas(title, 1)
        for (rate, loss), colour in zip(losses.items(), figure.COLOURS, strict=False):
            axes.semilogy(loss[:, :10], color=colour, alpha=0.3, linewidth=0.8)
            axes.semilogy(loss.mean(1), color=colour, linewidth=3, label=f"η = {rate:g}")
        axes.axhline(least, color=figure.BLACK, linestyle=":", label="minimum")
        axes.set_ylim(least / 3)
        axes.legend(loc="upper center", ncols=4, fontsize=figure.SMALL, frameon=False)
        axes.set_ylim(top=3e4)
        about = f"bold: mean over {self.runs} runs; thin: ten of them"
        figure.describe(axes, about, "step", "loss (mean squared error)")
        columns: dict[str, Any] = {
            "rate": np.repeat(list(losses), self.steps + 1),
            "step": np.tile(range(self.steps + 1), len(losses)),
            "loss": torch.cat([loss.mean(1) for loss in losses.values()]).tolist(),
        }
        return figure.write(out, "learning-rate", fig, columns)


def judge(loss: float, least: float, first: float) -> str:
    """Classify a final loss."""
    if not loss < first:
        return "divergent"
    return "suitable" if loss < CONVERGED * least else "too slow"
