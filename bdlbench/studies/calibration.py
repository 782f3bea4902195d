"""Calibration: reliability diagrams of all samplers side by side."""

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
from bdlbench.comparison import run_comparison
from bdlbench.predictions import Predictions
from bdlbench.registry import register
from bdlbench.statistics import Interval, seed_interval
from bdlbench.studies import figure
from bdlbench.studies.runs import predictions
from bdlbench.studies.study import Finding, Say, half_width, in_words

Array = NDArray[np.float64]
BINS = 10  # of the diagrams; the error in the headline has the suite's 15


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
        comparison = run_comparison(
            names, task=self.task, epochs=self.epochs, seeds=self.seeds, jobs=self.jobs,
            results=out / "runs", quiet=False,
        )  # fmt: skip
        found = predictions(comparison, names)
        diagrams = {name: reliability(runs) for name, runs in found.items()}
        errors = {
            name: row.metrics["expected_calibration_error"]
            for name, row in zip(names, comparison.rows, strict=True)
        }
        over = {name: seed_interval([_excess(run) for run in runs]) for name, runs in found.items()}
        numbers = {f"ece.{name}": interval.mean for name, interval in errors.items()}
        numbers |= {f"over.{name}": interval.mean for name, interval in over.items()}
        numbers |= {f"half.{name}": half_width(interval) for name, interval in over.items()}
        best, *_, worst = sorted(names, key=lambda name: errors[name].mean)
        sure = [name for name in names if over[name].mean > half_width(over[name])]
        shy = [name for name in names if over[name].mean < -half_width(over[name])]
        text = (
            f"On {self.task} the calibration error (15 bins) is least for {best} "
            f"({in_words(errors[best])}) and greatest for {worst} ({in_words(errors[worst])}). "
            f"Confidence is clearly above accuracy for {', '.join(sure) or 'none'}, and clearly "
            f"below it for {', '.join(shy) or 'none'} (95 % intervals over {self.seeds} seeds)."
        )
        title = f"Calibration error: {best} {errors[best].mean:.3f} to {worst} "
        return Finding(
            text, numbers, self._draw(out, title + f"{errors[worst].mean:.3f}", diagrams, errors)
        )

    def _draw(
        self, out: Path, title: str, diagrams: dict[str, Array], errors: dict[str, Interval]
    ) -> tuple[Path, ...]:
        rows = -(-len(diagrams) // 5)
        wide = min(5, len(diagrams))
        size = (max(2.7 * wide, 9), 3.3 * rows + 0.8)
        picture, axes = figure.canvas(title, wide, rows, size=size, sharex=True, sharey=True)
        for ax in axes[len(diagrams) :]:
            ax.set_visible(False)
        for index, (ax, (name, bins)) in enumerate(zip(axes, diagrams.items(), strict=False)):
            _diagram(ax, bins)
            last = index >= len(diagrams) - wide
            figure.describe(
                ax, f"{name}: {errors[name].mean:.3f}", "confidence" if last else "",
                "accuracy (bars: share)" if index % wide == 0 else "",
            )  # fmt: skip
        table = np.concatenate(list(diagrams.values()))
        columns: dict[str, Any] = {
            "sampler": np.repeat(list(diagrams), BINS),
            "bin": [*range(BINS)] * len(diagrams),
        }
        columns |= dict(
            zip(("share", "confidence", "accuracy", "low", "high"), table.T, strict=True)
        )
        return figure.write(out, "calibration", picture, columns)


def reliability(runs: Sequence[Mapping[str, Predictions]]) -> Array:
    """Return share of the inputs, mean confidence, accuracy, and its low and high of every bin.

    The 95 % interval is Clopper and Pearson's. Runs share their test inputs: several count as one.
    """
    found = np.full((BINS, 5), np.nan)
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


def _excess(run: Mapping[str, Predictions]) -> float:
    """Return mean confidence − accuracy."""
    p, labels = run["test"].probabilities, run["test"].labels
    return float(metrics.calibration_gaps(p, labels)[1].mean())


def _diagram(axes: Axes, bins: Array) -> None:
    share, confidence, accuracy, low, high = bins.T
    axes.plot([0, 1], [0, 1], color=figure.BLACK, linewidth=1, linestyle=":")
    axes.bar((np.arange(BINS) + 0.5) / BINS, share, 0.09, color=figure.GREY, alpha=0.5)
    spread = np.stack([accuracy - low, high - accuracy]).clip(0)  # rounding
    axes.errorbar(confidence, accuracy, spread, fmt="o", color=figure.BLUE, capsize=3, linewidth=2)
    axes.set(xlim=(0, 1), ylim=(0, 1.02), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
