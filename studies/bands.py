"""Predictive bands: a regression with a gap between the data, by several samplers and HMC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bdlbench.data.examples import search_folders
from bdlbench.registry import register
from bdlbench.runs import task_data, tasks
from bdlbench.study import Finding, Say

from . import figure
from .intervals import Array
from .runs import compare, predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from bdlbench.data.examples import Examples
    from bdlbench.records.densities import Densities

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
SAMPLERS = ("sgd", "deep-ensemble", "mc-dropout", "sgld", "psgld")


@register("bands")
@dataclass(frozen=True)
class Bands:
    """Draw the predictive bands of samplers on a regression with a gap, beside those of HMC.

    Source: the picture of Foong et al. (2019), arXiv:1906.11537, figure 1: approximations that are
    sure between two clusters of data, where HMC is not.

    Args:
        task: Task with one input and real targets, whose first OOD set is the gap.
        epochs: Epochs per run of a sampler; by default the task's.
        exact: Epochs of HMC, each a gradient on all the data.
        seed: Random seed of the runs.
        jobs: Parallel runs; by default one per core.
    """

    task: str = "gap"
    epochs: float | None = None
    exact: float = 400_000.0
    seed: int = 0
    jobs: int | None = None

    @property
    def seeds(self) -> list[int]:
        """The seeds of the comparison."""
        return [self.seed]

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the widths of the 90 % intervals in the gap."""
        found = predictions(compare(self, list(SAMPLERS), out), SAMPLERS)
        hmc = predictions(compare(self, ["hmc"], out, epochs=self.exact), ["hmc"])
        runs = {name: sets[0] for name, sets in (found | hmc).items() if sets}
        task = tasks.get(self.task)
        (gap, *_), folders = task.ood_names, search_folders()
        train = task_data.training_set(task, "test", folders)
        sets = task_data.evaluation_sets(task, "test", folders)
        x = np.concatenate([sets[name].x[:, 0] for name in ("test", gap)])
        bands = {name: _bands(run, ("test", gap)) for name, run in runs.items()}
        inside = np.arange(len(x)) >= len(sets["test"])
        widths = {name: float((q[-1] - q[0])[inside].mean()) for name, q in bands.items()}
        ratios = {name: width / widths["hmc"] for name, width in widths.items() if name != "hmc"}
        listed = ", ".join(f"{name} {ratio:.2f}" for name, ratio in ratios.items())
        text = (
            f"Between the clusters, where there are no data, HMC's 90 % intervals are "
            f"{widths['hmc']:.2f} wide on average. The others, relative to HMC's: {listed}."
        )
        files = self._draw(out, train, x, bands, ratios)
        return Finding(text, {f"width.{name}": width for name, width in widths.items()}, files)

    def _draw(
        self,
        out: Path,
        train: Examples,
        x: Array,
        bands: Mapping[str, Array],
        ratios: Mapping[str, float],
    ) -> tuple[Path, ...]:
        order = np.argsort(x)
        title = "90 % and 50 % intervals, and their mean width in the gap; dotted: HMC's 90 %"
        fig, axes = figure.canvas(title, columns=3, rows=2, size=(14, 8), sharex=True, sharey=True)
        columns: dict[str, Array] = {"x": x[order]}
        for ax, (name, quantiles) in zip(axes, bands.items(), strict=False):
            _panel(ax, train, x[order], quantiles[:, order], bands["hmc"][:, order])
            width = f": {ratios[name]:.2f} of HMC's width" if name in ratios else ""
            figure.describe(ax, f"{name}{width}", "x", "y")
            for level, values in zip(LEVELS, quantiles[:, order], strict=True):
                columns[f"{name}.{level:g}"] = values
        return figure.write(out, "bands", fig, columns)


def _bands(run: Mapping[str, Densities], names: tuple[str, ...]) -> Array:
    """Return quantiles of the predictive mixtures, (levels, inputs of all sets)."""
    return np.concatenate([run[name].quantiles(LEVELS) for name in names], axis=1)


def _panel(ax: Axes, train: Examples, x: Array, quantiles: Array, hmc: Array) -> None:
    low, lower, middle, upper, high = quantiles
    ax.fill_between(x, low, high, color=figure.BLUE, alpha=0.2, linewidth=0)
    ax.fill_between(x, lower, upper, color=figure.BLUE, alpha=0.35, linewidth=0)
    ax.plot(x, middle, color=figure.BLUE, linewidth=2)
    for edge in (hmc[0], hmc[-1]):
        ax.plot(x, edge, color=figure.BLACK, linestyle=":", linewidth=1.5)
    ax.plot(train.x[:, 0], train.y, ".", color=figure.VERMILION, markersize=4)
