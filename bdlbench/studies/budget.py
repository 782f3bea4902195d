"""Budget: every headline metric against gradient evaluations and the number of draws."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from bdlbench import registry, tasks
from bdlbench.comparison import run_comparison
from bdlbench.problem import Budget, Problem
from bdlbench.registry import register
from bdlbench.settings import Spec
from bdlbench.statistics import Interval, seed_interval
from bdlbench.studies import figure
from bdlbench.studies.study import Finding, Say, half_width, in_words
from bdlbench.studies.target import posterior_of, scores_of

STYLES = (
    ("accuracy", "accuracy"),
    ("negative_log_likelihood", "NLL (nats)"),
    ("brier_score", "Brier score"),
    ("expected_calibration_error", "calibration error"),
)


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
        names, shown = self.samplers.split(), self._shown()
        by_epochs: dict[str, list[dict[str, Interval]]] = {name: [] for name in names}
        for epochs in self.epochs:
            rows = run_comparison(
                names, task=self.task, epochs=epochs, seeds=self.seeds, jobs=self.jobs,
                results=out / "runs", quiet=False,
            ).rows  # fmt: skip
            for name, row in zip(names, rows, strict=True):
                by_epochs[name].append({metric: row.metrics[metric] for metric in shown})
        by_draws = self._by_draws(say)
        numbers: dict[str, float] = {}
        for name, series in by_epochs.items():
            for epochs, metrics in zip(self.epochs, series, strict=True):
                numbers |= {f"{m}.{name}.{epochs}": i.mean for m, i in metrics.items()}
        for draws, metrics in zip(self.draws, by_draws, strict=True):
            numbers |= {f"{m}.draws.{draws}": i.mean for m, i in metrics.items()}
            numbers |= {f"half.{m}.draws.{draws}": half_width(i) for m, i in metrics.items()}
        nll = "negative_log_likelihood"
        firsts = {e: min(names, key=lambda n: numbers[f"{nll}.{n}.{e}"]) for e in self.epochs}
        text = (
            f"On {self.task} the lowest NLL is that of "
            + ", ".join(f"{name} at {epochs}" for epochs, name in firsts.items())
            + f" epochs, of {', '.join(names)} (means of {self.seeds} seeds). With "
            f"{self.epochs[-1]} epochs SGLD's NLL is {in_words(by_draws[0][nll])} from one draw, "
            + ", ".join(
                f"{in_words(by_draws[k][nll])} from {self.draws[k]}"
                for k in (len(self.draws) // 2, -1)
            )
            + "."
        )
        title = (
            f"Lowest NLL with {self.epochs[0]} epochs: {firsts[self.epochs[0]]}, "
            f"with {self.epochs[-1]}: {firsts[self.epochs[-1]]}; more draws "
            f"{'help' if by_draws[-1][nll].mean < by_draws[0][nll].mean else 'do not help'} SGLD"
        )
        return Finding(text, numbers, self._draw(out, title, by_epochs, by_draws))

    def _shown(self) -> dict[str, str]:
        ood = {f"ood.{name}.auroc": f"AUROC of {name}" for name in tasks.get(self.task).ood[:1]}
        return dict(STYLES) | ood

    def _by_draws(self, say: Say) -> list[dict[str, Interval]]:
        """Return the metrics of SGLD's predictions from 1, 2, … of its draws, evenly spread."""
        posterior = posterior_of(self.task)
        runs = []
        for seed in range(self.seeds):
            kept = self._sample(seed)
            runs.append(
                [scores_of(self.task, posterior, evenly(kept, count)) for count in self.draws]
            )
            say(f"draws of seed {seed} scored")
        return [
            {m: seed_interval([run[index][m] for run in runs]) for m in self._shown()}
            for index in range(len(self.draws))
        ]

    def _sample(self, seed: int) -> list[Tensor]:
        task = tasks.get(self.task)
        budget = Budget(self.epochs[-1], self.draws[-1], task.budget.burn_in)
        sampler = registry.create("samplers", Spec("sgld"), task.settings.get("sgld"))
        rng = torch.Generator().manual_seed(seed)
        draws = sampler.sample(Problem(posterior_of(self.task), budget), rng)
        return [theta[0].clone() for theta in draws]

    def _draw(
        self,
        out: Path,
        title: str,
        by_epochs: dict[str, list[dict[str, Interval]]],
        by_draws: list[dict[str, Interval]],
    ) -> tuple[Path, ...]:
        shown = self._shown()
        picture, axes = figure.canvas(title, len(shown), 2, size=(16, 8))
        columns: dict[str, Any] = {"sampler": [], "epochs": [], "draws": []}
        columns |= {metric: [] for metric in shown}
        count = tasks.get(self.task).budget.draws
        for name, series in by_epochs.items():
            columns["sampler"] += [name] * len(series)
            columns["epochs"] += self.epochs
            columns["draws"] += [count] * len(series)
        columns["sampler"] += ["sgld"] * len(by_draws)
        columns["epochs"] += [self.epochs[-1]] * len(by_draws)
        columns["draws"] += self.draws
        for column, (metric, label) in enumerate(shown.items()):
            above, below = axes[column], axes[column + len(shown)]
            for colour, (name, series) in zip(figure.COLOURS, by_epochs.items(), strict=False):
                row = [metrics[metric] for metrics in series]
                figure.bars(above, self.epochs, row, name, colour, "-")
                columns[metric] += [interval.mean for interval in row]
            row = [metrics[metric] for metrics in by_draws]
            figure.bars(below, self.draws, row, "sgld", figure.VERMILION, "-")
            columns[metric] += [interval.mean for interval in row]
            for ax, ticks in ((above, self.epochs), (below, (1, 10, 100))):
                ax.set_xscale("log")
                ax.set_xticks(ticks, [str(tick) for tick in ticks], minor=False)
                ax.minorticks_off()
                ax.locator_params(axis="y", nbins=5)
            figure.describe(
                above, label, "epochs of gradients", "", "upper right" if column == 1 else None
            )
            about = f"SGLD, {self.epochs[-1]} epochs" if not column else ""
            figure.describe(below, about, "draws used", "")
        return figure.write(out, "budget", picture, columns)


def evenly(draws: list[Tensor], count: int) -> list[Tensor]:
    """Return as many of the draws, evenly spread; `count` divides their number."""
    return draws[len(draws) // count - 1 :: len(draws) // count]
