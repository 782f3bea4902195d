"""Accuracy against confidence, bin by bin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import stats

from bdlbench import metrics
from bdlbench.records.predictions import Predictions

from . import figure

BINS = 10  # of the diagrams; the error in the headline has the suite's 15
COLUMNS = ("share", "confidence", "accuracy", "low", "high")


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
