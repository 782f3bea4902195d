"""Calibration: reliability diagrams of all samplers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import stats

from bdlbench import metrics
from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.records.predictions import Predictions
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import figure
from .intervals import halves, in_words, is_clear, means
from .runs import compare, predictions

BINS = 10  # of the diagrams; the error in the headline has the suite's 15
COLUMNS = ("share", "confidence", "accuracy", "low", "high")
WIDE = 5  # diagrams per row


@register("calibration")
@dataclass(frozen=True)
class Calibration:
    """Compare accuracy with confidence, bin by bin, for every sampler.

    Source: Guo et al. (2017), On calibration of modern neural networks.

    Args:
        samplers: Names, separated by spaces.
        task: What they are run on.
        epochs: Of every run; by default the task's.
        seeds: Runs of each; their predictions are binned together.
        jobs: Runs at a time; by default as many as there are cores.
    """

    samplers: str = (
        "sgd deep-ensemble mc-dropout swag laplace sgd-covariance sgld psgld sghmc csgld"
    )
    task: str = "digits"
    epochs: float | None = None
    seeds: int = 3
    jobs: int | None = None

    def run(self, out: Path, say: Say) -> Finding:
        """Rank the samplers by their calibration error, and say which way each errs."""
        names = self.samplers.split()
        comparison = compare(
            names, out, task=self.task, epochs=self.epochs, seeds=self.seeds, jobs=self.jobs
        )
        found = predictions(comparison, names)
        errors = {
            name: row.metrics["expected_calibration_error"]
            for name, row in zip(names, comparison.rows, strict=True)
        }
        over = {k: seed_interval([overconfidence(run) for run in v]) for k, v in found.items()}
        numbers = means("ece", errors) | means("over", over) | halves("half", over)
        best, worst = (extreme(names, key=lambda k: errors[k].mean) for extreme in (min, max))
        sure = [name for name in names if is_clear(over[name]) and over[name].mean > 0]
        shy = [name for name in names if is_clear(over[name]) and over[name].mean < 0]
        text = (
            f"On {self.task} the calibration error (15 bins) is least for {best} "
            f"({in_words(errors[best])}) and greatest for {worst} ({in_words(errors[worst])}). "
            f"Confidence is clearly above accuracy for {', '.join(sure) or 'none'}, and clearly "
            f"below it for {', '.join(shy) or 'none'} (95 % intervals over {self.seeds} seeds)."
        )
        title = (
            f"Calibration error: {best} {errors[best].mean:.3f} to {worst} {errors[worst].mean:.3f}"
        )
        diagrams = {name: reliability(runs) for name, runs in found.items()}
        return Finding(text, numbers, self._draw(out, title, diagrams, errors))

    def _draw(
        self,
        out: Path,
        title: str,
        diagrams: dict[str, NDArray[np.float64]],
        errors: dict[str, Interval],
    ) -> tuple[Path, ...]:
        count = len(diagrams)
        wide, rows = min(WIDE, count), -(-count // WIDE)
        size = (max(2.7 * wide, 9), 3.3 * rows + 0.8)
        picture, axes = figure.canvas(title, wide, rows, size=size, sharex=True, sharey=True)
        for ax in axes[count:]:
            ax.set_visible(False)
        for index, (ax, (name, bins)) in enumerate(zip(axes, diagrams.items(), strict=False)):
            diagram(ax, bins)
            x = "confidence" if index >= count - wide else ""
            y = "accuracy (bars: share)" if index % wide == 0 else ""
            figure.describe(ax, f"{name}: {errors[name].mean:.3f}", x, y)
        table = np.concatenate(list(diagrams.values()))
        columns: dict[str, Any] = {
            "sampler": np.repeat(list(diagrams), BINS),
            "bin": [*range(BINS)] * count,
        }
        columns |= dict(zip(COLUMNS, table.T, strict=True))
        return figure.write(out, "calibration", picture, columns)


def reliability(runs: Sequence[Mapping[str, Predictions]]) -> NDArray[np.float64]:
    """Return COLUMNS for every bin: share of the inputs, mean confidence, accuracy, its interval.

    The 95 % interval is Clopper and Pearson's. Runs share their test inputs: several count as one.
    """
    found = np.full((BINS, len(COLUMNS)), np.nan)
    p = np.concatenate([run["test"].probabilities for run in runs])
    labels = np.concatenate([run["test"].labels for run in runs])
    bin_of, gap = metrics.calibration_gaps(p, labels, BINS)
    for index in range(BINS):
        inside = bin_of == index
        n = inside.sum() / len(runs)
        found[index, 0] = inside.mean()
        if n > 0:
            confidence = p.max(1)[inside].mean()
            right = (confidence - gap[inside].mean()) * n
            low = stats.beta.ppf(0.025, right, n - right + 1) if right > 1e-9 else 0.0
            high = stats.beta.ppf(0.975, right + 1, n - right) if n - right > 1e-9 else 1.0
            found[index, 1:] = confidence, right / n, low, high
    return found


def overconfidence(run: Mapping[str, Predictions]) -> float:
    """Return mean confidence − accuracy on the test set."""
    test = run["test"]
    return float(metrics.calibration_gaps(test.probabilities, test.labels)[1].mean())


def diagram(axes: Axes, bins: NDArray[np.float64]) -> None:
    """Draw what `reliability` returned: accuracies as points, shares as bars."""
    share, confidence, accuracy, low, high = bins.T
    axes.plot([0, 1], [0, 1], color=figure.BLACK, linewidth=1, linestyle=":")
    axes.bar((np.arange(BINS) + 0.5) / BINS, share, 0.09, color=figure.GREY, alpha=0.5)
    spread = np.stack([accuracy - low, high - accuracy]).clip(0)  # rounding
    axes.errorbar(confidence, accuracy, spread, fmt="o", color=figure.BLUE, capsize=3, linewidth=2)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
