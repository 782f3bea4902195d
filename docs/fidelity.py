"""Draw README's picture from stored runs: how near samplers come to the posterior, at what price.

Usage: ``python docs/fidelity.py RESULTS OUT.png``, after ``bdlbench compare … --task digits
--results RESULTS`` with as many samplers and budgets (``--epochs``) as are to be seen.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

mpl.use("agg")
import matplotlib.pyplot as plt

from bdlbench import fidelity, records, reference
from bdlbench.reference import Reference

TASK = "digits"
# Okabe & Ito's, told apart by everyone, without the yellow; every line is named as well.
COLOURS = {
    "sgd": "#000000",
    "deep-ensemble": "#7f7f7f",
    "mc-dropout": "#e69f00",
    "swag": "#cc79a7",
    "sgld": "#0072b2",
    "psgld": "#56b4e9",
    "sghmc": "#009e73",
    "csgld": "#8c5a2b",
    "hmc": "#d55e00",
}
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


def curves(results: Path, sampler: str, gold: Reference) -> dict[float, list[Curve]]:
    """Return epochs spent and total variation of every seed, by budget."""
    found: dict[float, list[Curve]] = defaultdict(list)
    for folder in sorted((results / "runs").glob(f"{TASK}-{sampler}-??????????-*")):
        record = records.read(folder)
        sets = records.read_predictions(folder, record)
        spent, points = sets["test"].course()
        budget = record.configuration["budget"]["epochs"]
        found[budget].append((spent, fidelity.distances(points, gold)))
    return found


def draw(axes: Axes, budgets: dict[float, list[Curve]], colour: str) -> tuple[float, float]:
    """Draw mean and range over seeds of the runs with each budget, and return where it ends."""
    runs = [budgets[budget] for budget in sorted(budgets)]
    spent = [np.mean([epochs[-1] for epochs, _ in seeds]) for seeds in runs]
    ends = [[distance[-1] for _, distance in seeds] for seeds in runs]
    mean = [float(np.mean(values)) for values in ends]
    axes.plot(spent, mean, color=colour, linewidth=2.5, marker="o", markersize=6, zorder=3)
    low, high = [min(values) for values in ends], [max(values) for values in ends]
    axes.fill_between(spent, low, high, color=colour, alpha=0.15, lw=0)
    return float(spent[-1]), mean[-1]


def name(axes: Axes, ends: dict[str, tuple[float, float]], gap: float = 1.045) -> None:
    """Write the samplers' names beside the ends of their lines, each clear of the one above."""
    lowest = np.inf
    for sampler, (spent, distance) in sorted(ends.items(), key=lambda item: -item[1][1]):
        lowest = min(distance, lowest / gap)
        axes.annotate(
            sampler, (spent, distance), (1.15 * spent, lowest), color=COLOURS[sampler],
            fontweight="bold", va="center", fontsize=11,
            arrowprops={"arrowstyle": "-", "color": COLOURS[sampler], "lw": 0.6},
        )  # fmt: skip


def panel(axes: Axes, budgets: dict[str, dict[float, list[Curve]]], title: str) -> None:
    """Draw a line for each sampler, and name it."""
    axes.set(xscale="log", yscale="log", title=title, xlabel="gradients on all the training data")
    name(axes, {sampler: draw(axes, runs, COLOURS[sampler]) for sampler, runs in budgets.items()})
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,g}")
    axes.grid(which="both", alpha=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def main(results: Path, out: Path) -> None:
    """Write the picture."""
    gold = reference.load(TASK, results)
    found = {sampler: curves(results, sampler, gold) for sampler in COLOURS}
    figure, (near, far) = plt.subplots(1, 2, figsize=(13, 6), layout="constrained")
    floor = fidelity.floor(gold)["total_variation"]
    far.axhspan(floor, 2 * floor, color=COLOURS["hmc"], alpha=0.12, lw=0)
    far.text(
        0.02, 1.05 * floor,
        "once to twice the floor: HMC against HMC\ndotted: within a run, draw by draw",
        transform=far.get_yaxis_transform(), fontsize=11, color="#a04000",
    )  # fmt: skip
    panel(far, {name: found[name] for name in ("sgd", "sgld", "hmc")}, "and how long HMC takes")
    for sampler in ("sgld", "hmc"):
        longest = found[sampler][max(found[sampler])]
        far.plot(*longest[0], color=COLOURS[sampler], linewidth=1, linestyle=":")
    panel(near, {name: runs for name, runs in found.items() if name != "hmc"}, "at small budgets")
    near.set(xlim=(27, 600), ylim=(0.028, 0.06), ylabel="total variation from the posterior")
    near.set_yticks([0.03, 0.04, 0.05, 0.06])
    near.set_xticks([30, 100, 300])
    for axis in (near.xaxis, near.yaxis):
        axis.set_minor_formatter("")
    figure.suptitle("How near to the posterior's prediction? digits, mlp-50", fontsize=14)
    figure.savefig(out, dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
