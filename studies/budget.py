"""Budget: headline metrics by number of gradient evaluations and of draws."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.problem import Budget, Problem
from bdlbench.registry import register
from bdlbench.runs import tasks
from bdlbench.study import Finding, Say

from . import figure
from .intervals import halves, in_words, means
from .runs import compare, sgld_of
from .target import posterior_of, scores_of

NLL = "negative_log_likelihood"
LABELS = {
    "accuracy": "accuracy",
    NLL: "NLL (nats)",
    "brier_score": "Brier score",
    "expected_calibration_error": "calibration error",
}
Series = dict[int, Interval]
"""A metric by number of epochs, or of draws."""
Table = dict[str, dict[str, Series]]
"""Series by metric and sampler."""


@register("budget")
@dataclass(frozen=True)
class BudgetCurves:
    """Measure the headline metrics as functions of the budget and of the number of draws.

    Every sampler is run at every budget, with the task's number of draws; then SGLD at the largest
    budget, evaluated on every k-th draw.

    Args:
        samplers: Names, separated by spaces.
        task: Task to run them on.
        seeds: Runs per sampler and budget.
        jobs: Parallel runs; by default one per core.
    """

    epochs: ClassVar[tuple[int, ...]] = (5, 10, 20, 40, 80)
    draws: ClassVar[tuple[int, ...]] = (1, 2, 5, 10, 25, 50, 100)
    samplers: str = "sgd sgld deep-ensemble"
    task: str = "digits"
    seeds: int = 3
    jobs: int | None = None

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the NLL at each budget and number of draws."""
        names, numbers = self.samplers.split(), {}
        by_epochs: Table = {metric: {name: {} for name in names} for metric in self._shown()}
        for epochs in self.epochs:
            rows = compare(self, names, out, epochs=epochs).rows
            for metric, table in by_epochs.items():
                for name, row in zip(names, rows, strict=True):
                    table[name][epochs] = row.metrics[metric]
                    numbers[f"{metric}.{name}.{epochs}"] = row.metrics[metric].mean
        by_draws = self._scores_by_draws(say)
        for metric, series in by_draws.items():
            numbers |= means(f"{metric}.draws", series) | halves(f"half.{metric}.draws", series)
        lowest = {e: min(names, key=lambda n: by_epochs[NLL][n][e].mean) for e in self.epochs}
        one, *_, most = self.draws
        some = self.draws[len(self.draws) // 2]
        first, *_, last = self.epochs
        nll = by_draws[NLL]
        text = (
            f"On {self.task}, among {', '.join(names)}, the lowest NLL is that of "
            f"{', '.join(f'{name} at {epochs}' for epochs, name in lowest.items())} epochs (means "
            f"over {self.seeds} seeds). With {last} epochs SGLD's NLL is {in_words(nll[one])} with "
            f"one draw, {in_words(nll[some])} with {some}, {in_words(nll[most])} with {most}."
        )
        title = (
            f"Lowest NLL with {first} epochs: {lowest[first]}, with {last}: {lowest[last]}; more "
            f"draws {'help' if nll[most].mean < nll[one].mean else 'do not help'} SGLD"
        )
        return Finding(text, numbers, self._draw(out, title, by_epochs, by_draws))

    def _shown(self) -> dict[str, str]:
        ood = {
            f"ood.{name}.auroc": f"AUROC of {name}" for name in tasks.get(self.task).ood_names[:1]
        }
        return LABELS | ood

    def _scores_by_draws(self, say: Say) -> dict[str, Series]:
        """Return the metrics of SGLD by number of evenly spaced draws."""
        posterior, burn_in = posterior_of(self.task), tasks.get(self.task).budget.burn_in
        runs = []
        for seed in range(self.seeds):
            problem = Problem(posterior, Budget(self.epochs[-1], self.draws[-1], burn_in))
            draws = sgld_of(self.task).sample(problem, torch.Generator().manual_seed(seed))
            thetas = [theta[0].clone() for theta in draws]
            runs.append({n: scores_of(self.task, posterior, evenly(thetas, n)) for n in self.draws})
            say(f"draws of seed {seed} scored")
        return {
            metric: {n: seed_interval([run[n][metric] for run in runs]) for n in self.draws}
            for metric in self._shown()
        }

    def _draw(
        self, out: Path, title: str, by_epochs: Table, by_draws: dict[str, Series]
    ) -> tuple[Path, ...]:
        shown = self._shown()
        fig, axes = figure.canvas(title, len(shown), 2, size=(16, 8))
        draws = tasks.get(self.task).budget.draws
        rows = [(name, epochs, draws) for name in self.samplers.split() for epochs in self.epochs]
        rows += [("sgld", self.epochs[-1], count) for count in self.draws]
        names, budgets, counts = zip(*rows, strict=True)
        columns: dict[str, Any] = {"sampler": names, "epochs": budgets, "draws": counts}
        for column, (metric, label) in enumerate(shown.items()):
            above, below = axes[column], axes[column + len(shown)]
            table = {name: list(series.values()) for name, series in by_epochs[metric].items()}
            last = list(by_draws[metric].values())
            figure.curves(above, self.epochs, table)
            figure.log_axes(above, self.epochs)
            figure.bars(below, self.draws, last, "sgld", figure.VERMILION, "-")
            figure.log_axes(below, (1, 10, 100))
            for ax in (above, below):
                ax.locator_params(axis="y", nbins=5)
            legend = "upper right" if column == 1 else None
            figure.describe(above, label, "epochs", "", legend)
            about = f"SGLD, {self.epochs[-1]} epochs" if not column else ""
            figure.describe(below, about, "draws", "")
            columns[metric] = [i.mean for row in (*table.values(), last) for i in row]
        return figure.write(out, "budget", fig, columns)


def evenly(draws: list[Tensor], count: int) -> list[Tensor]:
    """Return `count` evenly spaced draws; `count` must divide their number."""
    return draws[len(draws) // count - 1 :: len(draws) // count]
