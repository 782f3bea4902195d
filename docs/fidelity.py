"""Plot and tabulate the total variation from the reference posterior against the budget.

Usage: ``python docs/fidelity.py RESULTS``, after ``bdlbench grid docs/fidelity.toml --results
RESULTS`` and the same for ``docs/fidelity-hmc.toml``.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

mpl.use("agg")
import matplotlib.pyplot as plt
from published import fill_in, lines_of

from bdlbench.leaderboard import boards
from bdlbench.records import store
from bdlbench.reference import fidelity, reference
from bdlbench.reference.reference import Reference

DOCS = Path(__file__).parent
TASK = "digits"
COLUMNS = (
    "sampler",
    "accuracy ↑",
    "NLL ↓",
    "agreement ↑",
    "TV ↓",
    "ESS (per 1000 gradients) ↑",
    "R-hat ↓",
    "epochs",
)
# Okabe & Ito's colour-blind safe palette without yellow, extended; lines are also labelled.
COLOURS = {
    "sgd": "#000000",
    "deep-ensemble": "#7f7f7f",
    "mc-dropout": "#e69f00",
    "swag": "#cc79a7",
    "sgld": "#0072b2",
    "psgld": "#56b4e9",
    "sghmc": "#009e73",
    "csgld": "#8c5a2b",
    "laplace": "#332288",
    "sgd-covariance": "#999933",
    "hmc": "#d55e00",
    "nuts": "#882255",
}
FAR = ("sgd", "sgld", "hmc")
BEYOND = ("laplace", "hmc", "nuts")  # off the scale of the plot at small budgets
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]
Budgets = dict[str, dict[float, list[Curve]]]


def curves(results: Path, sampler: str, gold: Reference) -> dict[float, list[Curve]]:
    """Return epochs and total variation over the draws of each run, by budget."""
    by_budget: dict[float, list[Curve]] = defaultdict(list)
    for folder in sorted((results / "runs").glob(f"{TASK}-{sampler}-*")):
        record = store.read(folder)
        if record.sampler.name != sampler:  # the pattern of sgd also matches sgd-covariance
            continue
        sets = store.read_predictions(folder, record)
        spent, points = sets["test"].course()
        budget = record.configuration.epochs
        by_budget[budget].append((spent, fidelity.distances(points, gold)))
    return by_budget


def draw(axes: Axes, budgets: dict[float, list[Curve]], colour: str) -> tuple[float, float]:
    """Draw mean and range over seeds by budget, and return the line's last point."""
    runs = [budgets[budget] for budget in sorted(budgets)]
    spent = [np.mean([epochs[-1] for epochs, _ in seeds]) for seeds in runs]
    ends = [[distance[-1] for _, distance in seeds] for seeds in runs]
    mean = [float(np.mean(values)) for values in ends]
    axes.plot(spent, mean, color=colour, linewidth=2.5, marker="o", markersize=6, zorder=3)
    low, high = [min(values) for values in ends], [max(values) for values in ends]
    axes.fill_between(spent, low, high, color=colour, alpha=0.15, lw=0)
    return float(spent[-1]), mean[-1]


def name(axes: Axes, ends: dict[str, tuple[float, float]], gap: float) -> None:
    """Label the lines at their ends, without overlap."""
    lowest = np.inf
    for sampler, (spent, distance) in sorted(ends.items(), key=lambda item: -item[1][1]):
        lowest = min(distance, lowest / gap)
        axes.annotate(
            sampler, (spent, distance), (1.15 * spent, lowest), color=COLOURS[sampler],
            fontweight="bold", va="center", fontsize=11,
            arrowprops={"arrowstyle": "-", "color": COLOURS[sampler], "lw": 0.6},
        )  # fmt: skip


def panel(axes: Axes, budgets: Budgets, title: str, gap: float) -> None:
    """Draw and label a line per sampler."""
    axes.set(xscale="log", yscale="log", title=title, xlabel="full-data gradient evaluations")
    ends = {sampler: draw(axes, runs, COLOURS[sampler]) for sampler, runs in budgets.items()}
    name(axes, ends, gap)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:,g}")
    axes.grid(which="both", alpha=0.15)
    axes.spines[["top", "right"]].set_visible(False)


def table(results: Path) -> str:
    """Return a table per task, with all samplers at all budgets."""
    lines: dict[str, list[str]] = {}
    for board in boards.build(results):
        header, rule, *rows = (line.replace("**", "") for line in lines_of(board, COLUMNS))
        samplers = [row for row in rows if not row.startswith("| control")]
        lines.setdefault(board.task, [header, rule]).extend(samplers)
    return "\n\n".join("\n".join([f"`{task}`:", "", *rows]) for task, rows in lines.items())


def beyond(found: Budgets) -> str:
    """Describe the range of the samplers that are off the scale."""
    lines = ["off the scale:"]
    for sampler in BEYOND:
        ends = [
            curve[1][-1]
            for budget, runs in found[sampler].items()
            if budget <= 300
            for curve in runs
        ]
        lines.append(f"{sampler}, {min(ends):.2f} to {max(ends):.2f}")
    return "\n".join(lines)


def picture(results: Path) -> Figure:
    """Plot total variation against gradient evaluations."""
    gold = reference.load(TASK, results)
    found = {sampler: curves(results, sampler, gold) for sampler in COLOURS}
    figure, (near, far) = plt.subplots(1, 2, figsize=(13, 6), layout="constrained")
    floor = fidelity.floor(gold)["total_variation"]
    far.axhspan(floor, 2 * floor, color=COLOURS["hmc"], alpha=0.12, lw=0)
    far.text(
        0.02, 1.05 * floor,
        "1–2 × floor: HMC against HMC\ndotted: over the draws of one run",
        transform=far.get_yaxis_transform(), fontsize=11, color="#a04000",
    )  # fmt: skip
    panel(far, {name: found[name] for name in FAR}, "long runs of HMC", gap=1.2)
    for sampler in ("sgld", "hmc"):
        longest = found[sampler][max(found[sampler])]
        far.plot(*longest[0], color=COLOURS[sampler], linewidth=1, linestyle=":")
    near_runs = {name: runs for name, runs in found.items() if name not in BEYOND}
    panel(near, near_runs, "small budgets", gap=1.09)
    near.text(0.02, 0.95, beyond(found), transform=near.transAxes, fontsize=10, va="top")
    near.set(xlim=(27, 600), ylim=(0.025, 0.25), ylabel="total variation from the reference")
    near.set_yticks([0.03, 0.04, 0.05, 0.07, 0.1, 0.2])
    near.set_xticks([30, 100, 300])
    for axis in (near.xaxis, near.yaxis):
        axis.set_minor_formatter("")
    figure.suptitle("Total variation from the reference posterior (digits, mlp-50)", fontsize=14)
    return figure


def main(results: Path) -> None:
    """Update the page and the figure."""
    page = DOCS / "reference-posteriors.md"
    page.write_text(fill_in(page.read_text("utf-8"), table(results)), "utf-8")
    picture(results).savefig(DOCS / "fidelity.png", dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
