"""Annealing against quenching: does slow cooling reach a better optimum?"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from scipy import optimize
from torch import Generator, Tensor, optim

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.optim import SGLD, cosine
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import figure
from .descent import after, descend, mean_loss
from .intervals import Array, columns, half_width, halves, is_clear, means
from .target import mean_and_slope, posterior_of, scores_of, sharpness

QUENCHED = 0.1  # share of the budget in which a quench cools
Fall = Callable[[float], float]
"""A schedule: the factor as a function of the share of the budget used."""
COMPARED = {"train": "training loss", "held-out": "held-out loss", "sharpness": "sharpness"}
SHOWN = {
    "train": "training loss U/N (nats)",
    "held-out": "held-out NLL (nats)",
    "sharpness": "largest Hessian eigenvalue",
    "ood": "AUROC of OOD images",
}


def fast(done: float) -> float:
    """Cosine decay to 0.01 within a tenth of the budget."""
    return cosine(min(1.0, done / QUENCHED)) * 0.99 + 0.01


def sawtooth(done: float) -> float:
    """Five cycles of cosine decay."""
    return cosine(5 * done % 1)


FALLS: dict[str, tuple[Fall, Fall]] = {  # of the learning rate and the temperature
    "SGD, fast": (fast, lambda done: 0.0),
    "SGD, slow": (cosine, lambda done: 0.0),
    "SGD, saw-tooth": (sawtooth, lambda done: 0.0),
    "SGLD, annealed": (lambda done: 1.0, lambda done: math.exp(-10 * done)),
}
SCIPY = {"L-BFGS": "L-BFGS-B", "conj. gradients": "CG"}
ANNEALERS = ("SGD, slow", "SGD, saw-tooth", "SGLD, annealed")
METHODS = (*SCIPY, "gradient descent", *FALLS)


@register("anneal-or-quench")
@dataclass(frozen=True)
class AnnealOrQuench:
    """Compare the optima that quenching and annealing reach at equal budgets.

    Quenches: full-batch L-BFGS, conjugate gradients and gradient descent, and SGD whose learning
    rate decays within a tenth of the budget. Annealers: SGD with cosine decay over the whole
    budget or in five cycles, and SGLD at a constant learning rate whose temperature decays
    exponentially from 1 to 5e-5, slowly enough for the flattest directions, which relax within a
    third of the budget.

    Args:
        task: Task to train on.
        epochs: Budget.
        learning_rate: Initial η of SGD and gradient descent, for the mean loss.
        batch_size: Batch size.
        seeds: Runs per method; all methods start from the same points.
        seed: Random seed of the first run.
    """

    methods: ClassVar[tuple[str, ...]] = METHODS
    task: str = "digits"
    epochs: int = 100
    learning_rate: float = 0.1
    batch_size: int = 32
    seeds: int = 5
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Compare slow with fast cooling by seed, and find the best method for each metric."""
        posterior = posterior_of(self.task)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in self.methods}
        for seed in range(self.seed, self.seed + self.seeds):
            for name, results in runs.items():
                results.append(self._evaluate(posterior, self._minimise(posterior, name, seed)))
            say(f"seed {seed} done")
        table = {
            metric: {name: seed_interval([r[metric] for r in runs[name]]) for name in runs}
            for metric in SHOWN
        }
        pairs = list(zip(runs["SGD, slow"], runs["SGD, fast"], strict=True))
        gaps = {
            metric: seed_interval([slow[metric] - fast[metric] for slow, fast in pairs])
            for metric in COMPARED
        }
        numbers = means("gap", gaps) | halves("half", gaps)
        for metric, row in table.items():
            numbers |= means(metric, row)
        parts = [
            f"{_verdict(gap)} {COMPARED[metric]} ({gap.mean:+.3g} ± {half_width(gap):.2g})"
            for metric, gap in gaps.items()
        ]
        best = {metric: min(row, key=lambda name: row[name].mean) for metric, row in table.items()}
        least = {metric: table[metric][name].mean for metric, name in best.items()}
        text = (
            f"On {self.task}, with {self.epochs} epochs each and {self.seeds} seeds, slowly cooled "
            f"SGD ends, compared with a quench, at {', '.join(parts)}. Of all methods, "
            f"{best['train']} has the lowest training loss ({least['train']:.3f}), "
            f"{best['held-out']} the lowest held-out loss ({least['held-out']:.3f}) and "
            f"{best['sharpness']} the flattest optimum (largest Hessian eigenvalue "
            f"{least['sharpness']:.3g})."
        )
        title = f"Lowest held-out loss: {best['held-out']}; flattest: {best['sharpness']}"
        return Finding(text, numbers, self._draw(out, title, table))

    def _minimise(self, posterior: Posterior, method: str, seed: int) -> Tensor:
        """Return the final θ, shape (1, dim); the start depends on the seed only."""
        rng = Generator().manual_seed(seed)
        start = posterior.network.init(1, rng)
        if method in FALLS:
            return self._cool(posterior, start, *FALLS[method], rng)
        if method in SCIPY:
            return descend_all(posterior, start, SCIPY[method], self.epochs)
        loss = mean_loss(posterior)
        states = descend(loss, optim.SGD, self.learning_rate, None, start, rng)
        return after(states, self.epochs)

    def _cool(
        self, posterior: Posterior, theta: Tensor, rate: Fall, temperature: Fall, rng: Generator
    ) -> Tensor:
        problem = Problem(posterior, Budget(self.epochs, draws=1))
        step_size = 2 * self.learning_rate / posterior.n  # in the convention of the samplers
        optimizer = SGLD([theta], step_size, generator=rng)
        for batch, _ in problem.steps(self.batch_size, rng):
            done = problem.progress
            group = optimizer.param_groups[0]
            group["lr"], group["temperature"] = step_size * rate(done), temperature(done)
            theta.grad = problem.gradient(theta, batch)
            optimizer.step()
        return theta

    def _evaluate(self, posterior: Posterior, theta: Tensor) -> dict[str, float]:
        scores = scores_of(self.task, posterior, [theta[0]])
        return {
            "train": float(posterior.potential(theta)) / posterior.n,
            "held-out": scores["negative_log_likelihood"],
            "sharpness": sharpness(posterior, theta),
            "ood": next(value for key, value in scores.items() if key.endswith("auroc")),
        }

    def _draw(
        self, out: Path, title: str, table: dict[str, dict[str, Interval]]
    ) -> tuple[Path, ...]:
        fig, axes = figure.canvas(title, len(SHOWN), size=(14, 5.2), sharey=True)
        data: dict[str, Any] = {"method": list(table["train"])}
        for ax, (metric, row) in zip(axes, table.items(), strict=True):
            for y, (name, interval) in enumerate(row.items()):
                colour = figure.BLUE if name in ANNEALERS else figure.VERMILION
                ax.errorbar(
                    interval.mean, y, xerr=half_width(interval), fmt="o", color=colour, capsize=4,
                    linewidth=2, markersize=8,
                )  # fmt: skip
            figure.describe(ax, "", SHOWN[metric], "")
            data |= columns(metric, row.values())
        axes[0].set_title("blue: annealing, red: quenching", fontsize=figure.LABEL)
        axes[0].set_yticks(range(len(table["train"])), list(table["train"]))
        axes[0].invert_yaxis()
        return figure.write(out, "anneal-or-quench", fig, data)


def _verdict(gap: Interval) -> str:
    if not is_clear(gap):
        return "a not significantly different"
    return "a higher" if gap.mean > 0 else "a lower"


class _BudgetUsed(Exception):  # noqa: N818 -- control flow, not an error
    """Stops an optimizer of SciPy."""


def descend_all(posterior: Posterior, start: Tensor, method: str, epochs: int) -> Tensor:
    """Minimise U/N by a method of SciPy; each evaluation of U and ∇U counts as an epoch."""
    best, used = (np.inf, start), 0

    def evaluate(theta: Array) -> tuple[float, Array]:
        nonlocal best, used
        if used == epochs:
            raise _BudgetUsed
        used += 1
        value, gradient = mean_and_slope(posterior, theta)
        if value < best[0]:
            best = value, torch.from_numpy(theta).float()[None]
        return value, gradient

    with suppress(_BudgetUsed):
        minimize = cast("Any", optimize.minimize)  # typed for literal method names only
        first = start[0].double().numpy()
        minimize(evaluate, first, jac=True, method=method, options={"maxiter": epochs})
    return best[1]
