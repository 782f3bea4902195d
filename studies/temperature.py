"""Temperature: the noise that samples the posterior, and predictions at other temperatures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.posterior import exact
from bdlbench.registry import register
from bdlbench.runs import tasks
from bdlbench.study import Finding, Say

from . import figure
from .intervals import columns, halves, in_words, means
from .runs import compare

NOISES = {"2/n": 2.0, "1/(2n)": 0.5}  # σ², times n


@register("temperature")
@dataclass(frozen=True)
class Temperature:
    """Measure which noise σ² samples the posterior, and how predictions depend on temperature.

    dθ = −∇L dt + σdW, L = U/n, has the stationary density exp(−2L/σ²): the posterior for σ² = 2/n,
    and the posterior at temperature ¼ for 1/(2n), a value that some notes give. This is measured
    on the line y = 3x + 10, whose posterior is known; then SGLD is run on a task.

    Args:
        task: Task for SGLD.
        epochs: Epochs per run.
        seeds: Runs per temperature.
        jobs: Parallel runs; by default one per core.
        chains: Chains on the line.
        seed: Random seed of the noise on the line.
    """

    temperatures: ClassVar[tuple[float, ...]] = (0.01, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0)
    task: str = "digits"
    epochs: int = 50
    seeds: int = 4
    jobs: int | None = None
    chains: int = 1000
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the measured temperatures with theory, and find the best for each metric."""
        measured = {name: self._measure(scale) for name, scale in NOISES.items()}
        say("measured on the line")
        ood = tasks.get(self.task).ood_names[0]
        shown = {
            "accuracy": ("accuracy", max),
            "negative_log_likelihood": ("NLL", min),
            f"ood.{ood}.auroc": (f"AUROC of {ood}", max),
        }
        samplers = [f"sgld:temperature={t:g}" for t in self.temperatures]
        rows = compare(self, samplers, out).rows
        numbers = means("T", measured) | halves("half", measured)
        panels: dict[str, dict[float, Interval]] = {}
        for metric, (label, better) in shown.items():
            values = (row.metrics[metric] for row in rows)
            panels[label] = dict(zip(self.temperatures, values, strict=True))
            mean = {t: interval.mean for t, interval in panels[label].items()}
            numbers |= {f"{label}.{t:g}": value for t, value in mean.items()}
            numbers[f"best.{label}"] = better(mean, key=mean.__getitem__)
        best = ", ".join(
            f"T = {numbers[f'best.{label}']:g} for {label} "
            f"({in_words(row[numbers[f'best.{label}']])}; {in_words(row[1.0])} at T = 1)"
            for label, row in panels.items()
        )
        sampled = " and ".join(f"T = {in_words(v)} for σ² = {k}" for k, v in measured.items())
        text = (
            f"On a line the Langevin equation samples at {sampled} (measured; T = 1 is the "
            f"posterior). On {self.task}, for T from {self.temperatures[0]:g} to "
            f"{self.temperatures[-1]:g}, the mean over {self.seeds} seeds is best at {best}."
        )
        return Finding(text, numbers, self._draw(out, panels, measured))

    def _measure(self, scale: float) -> Interval:
        """Return the temperature over chains: the variance of the draws over that of the posterior.

        A step of 1 % of the shortest time scale biases it by 0.5 %.
        """
        known = exact.linear_regression()
        n = known.posterior.n
        precision = torch.linalg.inv(known.covariance).numpy()
        rate = 0.01 * n / float(np.linalg.eigvalsh(precision)[-1])
        rng, energies = np.random.default_rng(self.seed), []
        theta = np.zeros((self.chains, 2))  # deviation from the mean
        for step in range(4000):
            noise = np.sqrt(rate * scale / n) * rng.standard_normal(theta.shape)
            theta = theta - rate * theta @ precision / n + noise
            if step >= 1000 and step % 50 == 0:
                energies.append(np.einsum("ki,ij,kj->k", theta, precision, theta) / 2)
        return seed_interval(np.mean(energies, axis=0).tolist())

    def _draw(
        self, out: Path, panels: dict[str, dict[float, Interval]], measured: dict[str, Interval]
    ) -> tuple[Path, ...]:
        title = "; ".join(f"σ² = {k} samples at T = {v.mean:.2f}" for k, v in measured.items())
        fig, axes = figure.canvas(title, len(panels), size=(13.5, 5))
        table: dict[str, list[float]] = {"temperature": list(self.temperatures)}
        for ax, (label, row) in zip(axes, panels.items(), strict=True):
            figure.bars(ax, list(row), list(row.values()), "SGLD", line="-")
            ax.axvline(1, color=figure.BLACK, linestyle=":", label="posterior")
            ax.axvline(0.25, color=figure.VERMILION, linestyle="--", label="σ² = 1/(2n)")
            ax.set_xscale("log")
            ax.locator_params(axis="y", nbins=6)
            figure.describe(ax, "", "temperature T", label, "upper left" if ax is axes[1] else None)
            table |= columns(label, list(row.values()))
        return figure.write(out, "temperature", fig, table)
