"""Calibration: reliability diagrams of all samplers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from scipy import stats

from bdlbench import metrics
from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.records.predictions import Predictions
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import figure
from .intervals import Array, halves, in_words, is_clear, means
from .runs import compare, predictions

BINS = 10  # in the diagrams; the calibration error uses the suite's 15
COLUMNS = ("share", "confidence", "accuracy", "low", "high")
WIDE = 5  # diagrams per row at most


@register("calibration")
@dataclass(frozen=True)
class Calibration:
    """Compare accuracy with confidence in reliability diagrams of all samplers.

    Source: Guo et al. (2017), On calibration of modern neural networks.

    Args:
        samplers: Names, separated by spaces.
        task: Task to run them on.
        epochs: Epochs per run; by default the task's.
        seeds: Runs per sampler; their predictions are binned together.
        jobs: Parallel runs; by default one per core.
    """

    samplers: str = (
        "sgd deep-ensemble mc-dropout swag laplace sgd-covariance sgld psgld sghmc csgld"
    )
    task: str = "digits"
    epochs: float | None = None
    seeds: int = 3
    jobs: int | None = None

    def run(self, out: Path, say: Say) -> Finding:
        """Compare calibration errors, and test each sampler for over- and underconfidence."""
        names = self.samplers.split()
        comparison = compare(self, names, out)
        predicted = predictions(comparison, names)
        errors = {
            name: row.metrics["expected_calibration_error"]
            for name, row in zip(names, comparison.rows, strict=True)
        }
        over = {k: seed_interval([overconfidence(run) for run in v]) for k, v in predicted.items()}
        numbers = means("ece", errors) | means("over", over) | halves("half", over)
        best, worst = (extreme(names, key=lambda k: errors[k].mean) for extreme in (min, max))
        significant = [name for name in names if is_clear(over[name])]
        above = ", ".join(name for name in significant if over[name].mean > 0) or "none"
        below = ", ".join(name for name in significant if over[name].mean < 0) or "none"
        text = (
            f"On {self.task} the calibration error (15 bins) is lowest for {best} "
            f"({in_words(errors[best])}) and highest for {worst} ({in_words(errors[worst])}). "
            f"Confidence is significantly above accuracy for {above}, and significantly below it "
            f"for {below} (95 % confidence intervals over {self.seeds} seeds)."
        )
        low, high = errors[best].mean, errors[worst].mean
        title = f"Calibration error: {best} {low:.3f} to {worst} {high:.3f}"
        diagrams = {name: reliability(runs) for name, runs in predicted.items()}
        return Finding(text, numbers, self._draw(out, title, diagrams, errors))

    def _draw(
        self, out: Path, title: str, diagrams: dict[str, Array], errors: dict[str, Interval]
    ) -> tuple[Path, ...]:
        count = len(diagrams)
        wide, rows = min(WIDE, count), -(-count // WIDE)
        size = (max(2.7 * wide, 9), 3.3 * rows + 0.8)
        fig, axes = figure.canvas(title, wide, rows, size=size, sharex=True, sharey=True)
        for ax in axes[count:]:
            ax.set_visible(False)
        for index, (ax, (name, bins)) in enumerate(zip(axes, diagrams.items(), strict=False)):
            diagram(ax, bins)
            x = "confidence" if index >= count - wide else ""
            y = "accuracy (bars: share)" if index % wide == 0 else ""
            figure.describe(ax, f"{name}: {errors[name].mean:.3f}", x, y)
        table = np.concatenate(list(diagrams.values()))
        columns: dict[str, Any] = dict(zip(COLUMNS, table.T, strict=True))
        key = {"sampler": np.repeat(list(diagrams), BINS), "bin": np.tile(range(BINS), count)}
        return figure.write(out, "calibration", fig, key | columns)


def reliability(runs: Sequence[Mapping[str, Predictions]]) -> Array:
    """Return COLUMNS per bin; low and high are the Clopper–Pearson 95 % interval of the accuracy.

    Runs share their test inputs, so that multiple runs count as one.
    """
    rows = np.full((BINS, len(COLUMNS)), np.nan)
    p = np.concatenate([run["test"].probabilities for run in runs])
    labels = np.concatenate([run["test"].labels for run in runs])
    bin_of, gap = metrics.calibration_gaps(p, labels, BINS)
    for index in range(BINS):
        inside = bin_of == index
        n = inside.sum() / len(runs)
        rows[index, 0] = inside.mean()
        if n > 0:
            confidence = p.max(1)[inside].mean()
            right = (confidence - gap[inside].mean()) * n
            low = stats.beta.ppf(0.025, right, n - right + 1) if right > 1e-9 else 0.0
            high = stats.beta.ppf(0.975, right + 1, n - right) if n - right > 1e-9 else 1.0
            rows[index, 1:] = confidence, right / n, low, high
    return rows


def overconfidence(run: Mapping[str, Predictions]) -> float:
    """Return mean confidence minus accuracy on the test set."""
    test = run["test"]
    return float(metrics.calibration_gaps(test.probabilities, test.labels)[1].mean())


def diagram(axes: Axes, bins: Array) -> None:
    """Draw a reliability diagram: accuracies as points, shares as bars."""
    share, confidence, accuracy, low, high = bins.T
    axes.plot([0, 1], [0, 1], color=figure.BLACK, linewidth=1, linestyle=":")
    axes.bar((np.arange(BINS) + 0.5) / BINS, share, 0.09, color=figure.GREY, alpha=0.5)
    spread = np.stack([accuracy - low, high - accuracy]).clip(0)  # rounding errors
    axes.errorbar(confidence, accuracy, spread, fmt="o", color=figure.BLUE, capsize=3, linewidth=2)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
