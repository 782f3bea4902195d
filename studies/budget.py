"""Budget: every headline metric against gradient evaluations and the number of draws."""

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
"""A metric by the number of epochs, or of draws."""


@register("budget")
@dataclass(frozen=True)
class BudgetCurves:
    """Follow the headline metrics as the budget of gradients grows, and as draws are added.

    A run of every sampler at every budget, with as many draws as the task asks for; then SGLD at
    the largest budget, of whose draws only every k-th is used.

    Args:
        samplers: Names, separated by spaces.
        task: What they are run on.
        seeds: Runs of each, at every budget.
        jobs: Runs at a time; by default as many as there are cores.
    """

    epochs: ClassVar[tuple[int, ...]] = (5, 10, 20, 40, 80)
    draws: ClassVar[tuple[int, ...]] = (1, 2, 5, 10, 25, 50, 100)
    samplers: str = "sgd sgld deep-ensemble"
    task: str = "digits"
    seeds: int = 3
    jobs: int | None = None

    def run(self, out: Path, say: Say) -> Finding:
        """Find what more gradients and more draws bring, by the NLL."""
        names, numbers = self.samplers.split(), {}
        by_epochs: dict[str, dict[str, Series]] = {
            metric: {name: {} for name in names} for metric in self._shown()
        }
        for epochs in self.epochs:
            rows = compare(
                names, out, task=self.task, epochs=epochs, seeds=self.seeds, jobs=self.jobs
            ).rows
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
            f"On {self.task} the lowest NLL is that of "
            f"{', '.join(f'{name} at {epochs}' for epochs, name in lowest.items())} epochs, of "
            f"{', '.join(names)} (means of {self.seeds} seeds). With {last} epochs SGLD's NLL is "
            f"{in_words(nll[one])} from one draw, {in_words(nll[some])} from {some}, "
            f"{in_words(nll[most])} from {most}."
        )
        title = (
            f"Lowest NLL with {first} epochs: {lowest[first]}, with {last}: {lowest[last]}; more "
            f"draws {'help' if nll[most].mean < nll[one].mean else 'do not help'} SGLD"
        )
        return Finding(text, numbers, self._draw(out, title, by_epochs, by_draws))

    def _shown(self) -> dict[str, str]:
        ood = {f"ood.{name}.auroc": f"AUROC of {name}" for name in tasks.get(self.task).ood[:1]}
        return LABELS | ood

    def _scores_by_draws(self, say: Say) -> dict[str, Series]:
        """Return metrics of SGLD's predictions from some of its draws, evenly spread."""
        posterior, burn_in = posterior_of(self.task), tasks.get(self.task).budget.burn_in
        runs = []
        for seed in range(self.seeds):
            problem = Problem(posterior, Budget(self.epochs[-1], self.draws[-1], burn_in))
            draws = sgld_of(self.task).sample(problem, torch.Generator().manual_seed(seed))
            kept = [theta[0].clone() for theta in draws]
            runs.append({n: scores_of(self.task, posterior, evenly(kept, n)) for n in self.draws})
            say(f"draws of seed {seed} scored")
        return {
            metric: {n: seed_interval([run[n][metric] for run in runs]) for n in self.draws}
            for metric in self._shown()
        }

    def _draw(
        self,
        out: Path,
        title: str,
        by_epochs: dict[str, dict[str, Series]],
        by_draws: dict[str, Series],
    ) -> tuple[Path, ...]:
        shown = self._shown()
        picture, axes = figure.canvas(title, len(shown), 2, size=(16, 8))
        kept = tasks.get(self.task).budget.draws
        rows = [(name, epochs, kept) for name in self.samplers.split() for epochs in self.epochs]
        rows += [("sgld", self.epochs[-1], count) for count in self.draws]
        columns: dict[str, Any] = dict(
            zip(("sampler", "epochs", "draws"), zip(*rows, strict=True), strict=True)
        )
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
            figure.describe(above, label, "epochs of gradients", "", legend)
            about = f"SGLD, {self.epochs[-1]} epochs" if not column else ""
            figure.describe(below, about, "draws used", "")
            columns[metric] = [i.mean for row in (*table.values(), last) for i in row]
        return figure.write(out, "budget", picture, columns)


def evenly(draws: list[Tensor], count: int) -> list[Tensor]:
    """Return as many of the draws, evenly spread; `count` divides their number."""
    return draws[len(draws) // count - 1 :: len(draws) // count]
