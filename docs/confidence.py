"""Draw README's picture from stored runs: how sure SGD and SGLD are of digits and of letters.

Usage: ``python docs/confidence.py RESULTS OUT.png``, after
``bdlbench compare sgd sgld --task mnist --results RESULTS``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

mpl.use("agg")
import matplotlib.pyplot as plt

from bdlbench import records

SETS = {
    "test": "MNIST digits",
    "notmnist": "notMNIST letters",
    "mnist-letters": "MNIST-like letters",
}
COLOURS = {"sgd": "#d55e00", "sgld": "#0072b2"}  # Okabe & Ito: told apart by everyone
BINS = np.linspace(0.1, 1, 19)


def confidences(results: Path, sampler: str) -> dict[str, NDArray[np.float64]]:
    """Return the highest probability for every input of every set, all seeds together."""
    found: dict[str, list[NDArray[np.float64]]] = {name: [] for name in SETS}
    for folder in sorted((results / "runs").glob(f"mnist-{sampler}-*")):
        record = records.read(folder)
        for name, predictions in records.read_predictions(folder, record).items():
            found[name].append(predictions.probabilities.max(axis=1))
    return {name: np.concatenate(parts) for name, parts in found.items()}


def panel(axes: Axes, title: str, values: dict[str, NDArray[np.float64]]) -> None:
    """Draw one set of inputs: a step histogram for each sampler, and its share above 90 %."""
    for sampler, confidence in values.items():
        weights = np.full(len(confidence), 100 / len(confidence))
        share = (confidence > 0.9).mean()
        label = f"{sampler.upper()}: {share:.0%} above 0.9"
        axes.hist(
            confidence, BINS, weights=weights, histtype="step", linewidth=2.5,
            color=COLOURS[sampler], label=label,
        )  # fmt: skip
    axes.set(title=title, xlabel="highest probability", xlim=(0.1, 1))
    axes.legend(loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def main(results: Path, out: Path) -> None:
    """Write the picture."""
    found = {sampler: confidences(results, sampler) for sampler in COLOURS}
    figure, axes = plt.subplots(1, 3, figsize=(13, 4), sharey=True, layout="constrained")
    for ax, (name, title) in zip(axes, SETS.items(), strict=True):
        panel(ax, title, {sampler: values[name] for sampler, values in found.items()})
    axes[0].set_ylabel("share of inputs (%)")
    figure.suptitle("Trained on digits: SGD is sure of letters, too, SGLD of fewer", fontsize=14)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
