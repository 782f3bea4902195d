"""Anneal or quench: does slow cooling reach a better optimum?"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from bdlbench.optim import SGLD, cosine
from bdlbench.posterior import Posterior
from bdlbench.problem import Budget, Problem
from bdlbench.registry import register
from bdlbench.statistics import Interval, seed_interval
from bdlbench.studies import figure
from bdlbench.studies.full_batch import descend_all
from bdlbench.studies.study import Finding, Say, half_width
from bdlbench.studies.target import posterior_of, scores_of, sharpness

Schedule = Callable[[float], float]
"""A factor, as a function of the share of the budget that is spent."""
QUENCHED = 0.1  # the share of the budget over which a quench cools
FAST: Schedule = lambda done: cosine(min(1.0, done / QUENCHED)) * 0.99 + 0.01  # noqa: E731
SLOW: Schedule = cosine
HOT: Schedule = lambda done: math.exp(-10 * done)  # noqa: E731
STEADY: Schedule = lambda done: 1.0  # noqa: E731
COLD: Schedule = lambda done: 0.0  # noqa: E731
SAWTOOTH: Schedule = lambda done: cosine(5 * done % 1)  # noqa: E731
ANNEALERS = ("SGD, slow", "SGD, saw-tooth", "SGLD, annealed")
COMPARED = {"train": "training loss", "held-out": "held-out loss", "sharpness": "sharpness"}
SHOWN = {
    "train": "training loss U/N (nats)",
    "held-out": "held-out NLL (nats)",
    "sharpness": "largest Hessian eigenvalue",
    "ood": "AUROC of OOD images",
}


@register("anneal-or-quench")
@dataclass(frozen=True)
class AnnealOrQuench:
    """Minimise U by quenching and by annealing, at equal budgets, and compare where they end.

    Quenches: L-BFGS, conjugate gradients and gradient descent on all data, and SGD whose learning
    rate falls within a tenth of the budget. Annealers: SGD whose rate falls along half a cosine
    over all of it, the same in five saw-teeth, and SGLD at a constant rate whose temperature falls
    exponentially, from 1 to 5e-5: that of the flattest directions, which relax within a third of
    the budget, can follow.

    Args:
        task: What is trained on.
        epochs: Budget, in gradients over all training data.
        learning_rate: The first η of SGD and gradient descent, for the mean loss.
        batch_size: Points in a minibatch.
        seeds: Runs of each; the start is the same for all methods.
        seed: Of the first run.
    """

    full_batch: ClassVar[tuple[str, ...]] = ("L-BFGS", "conj. gradients", "gradient descent")
    # How the learning rate falls, and the temperature.
    schedules: ClassVar[dict[str, tuple[Schedule, Schedule]]] = {
        "SGD, fast": (FAST, COLD),
        "SGD, slow": (SLOW, COLD),
        "SGD, saw-tooth": (SAWTOOTH, COLD),
        "SGLD, annealed": (STEADY, HOT),
    }
    task: str = "digits"
    epochs: int = 100
    learning_rate: float = 0.1
    batch_size: int = 32
    seeds: int = 5
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Compare slow with fast cooling on equal starts, and rank all methods."""
        posterior = posterior_of(self.task)
        names = [*self.full_batch, *self.schedules]
        found: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for seed in range(self.seed, self.seed + self.seeds):
            for name in names:
                theta = self._minimise(name, posterior, seed)
                found[name].append(self._judge(posterior, theta))
            say(f"seed {seed} done")
        intervals = {
            (name, metric): seed_interval([run[metric] for run in runs])
            for name, runs in found.items()
            for metric in SHOWN
        }
        numbers = {f"{metric}.{name}": i.mean for (name, metric), i in intervals.items()}
        words = []
        for metric, label in COMPARED.items():
            pairs = zip(found["SGD, slow"], found["SGD, fast"], strict=True)
            gap = seed_interval([slow[metric] - fast[metric] for slow, fast in pairs])
            numbers |= {f"gap.{metric}": gap.mean, f"half.{metric}": half_width(gap)}
            clear = abs(gap.mean) > half_width(gap)
            verdict = ("a higher" if gap.mean > 0 else "a lower") if clear else "no clearly other"
            words.append(f"{verdict} {label} ({gap.mean:+.3g} ± {half_width(gap):.2g})")
        best = {
            metric: min((numbers[f"{metric}.{name}"], name) for name in names)[1]
            for metric in COMPARED
        }
        text = (
            f"On {self.task}, with {self.epochs} epochs each and {self.seeds} seeds, SGD that "
            f"cools slowly ends, compared with a quench, at {', '.join(words)}. Of all, "
            f"{best['train']} has the lowest training loss "
            f"({numbers['train.' + best['train']]:.3f}), "
            f"{best['held-out']} the lowest held-out loss "
            f"({numbers['held-out.' + best['held-out']]:.3f}) and {best['sharpness']} the flattest "
            f"optimum (largest eigenvalue {numbers['sharpness.' + best['sharpness']]:.3g})."
        )
        title = f"Least held-out loss: {best['held-out']}; flattest: {best['sharpness']}"
        return Finding(text, numbers, self._draw(out, title, names, intervals))

    def _minimise(self, name: str, posterior: Posterior, seed: int) -> Tensor:
        rng = torch.Generator().manual_seed(seed)
        theta = posterior.network.init(1, rng)
        if name in self.schedules:
            return self._cool(posterior, theta, *self.schedules[name], rng)
        if name == "gradient descent":
            for _ in range(self.epochs):
                theta -= self.learning_rate / posterior.n * posterior.gradient(theta)
            return theta
        return descend_all(posterior, theta, {"L-BFGS": "L-BFGS-B"}.get(name, "CG"), self.epochs)

    def _cool(
        self, posterior: Posterior, theta: Tensor, rate: Schedule, heat: Schedule, rng: Generator
    ) -> Tensor:
        problem = Problem(posterior, Budget(self.epochs, draws=1))
        epsilon = 2 * self.learning_rate / posterior.n  # of the samplers' convention
        optimizer = SGLD([theta], epsilon, generator=rng)
        for batch, _ in problem.steps(self.batch_size, rng):
            now = {"lr": epsilon * rate(problem.progress), "temperature": heat(problem.progress)}
            optimizer.param_groups[0].update(now)
            theta.grad = problem.gradient(theta, batch)
            optimizer.step()
        return theta

    def _judge(self, posterior: Posterior, theta: Tensor) -> dict[str, float]:
        scores = scores_of(self.task, posterior, [theta[0]])
        return {
            "train": float(posterior.potential(theta)) / posterior.n,
            "held-out": scores["negative_log_likelihood"],
            "sharpness": sharpness(posterior, theta),
            "ood": next(value for key, value in scores.items() if key.endswith("auroc")),
        }

    def _draw(
        self, out: Path, title: str, names: list[str], found: dict[tuple[str, str], Interval]
    ) -> tuple[Path, ...]:
        picture, axes = figure.canvas(title, len(SHOWN), size=(14, 5.2), sharey=True)
        columns: dict[str, Any] = {"method": names}
        for ax, (metric, label) in zip(axes, SHOWN.items(), strict=True):
            row = [found[name, metric] for name in names]
            for y, interval in enumerate(row):
                colour = figure.BLUE if names[y] in ANNEALERS else figure.VERMILION
                ax.errorbar(
                    interval.mean, y, xerr=half_width(interval), fmt="o", color=colour,
                    capsize=4, linewidth=2, markersize=8,
                )  # fmt: skip
            ax.set_yticks(range(len(names)), names)
            figure.describe(ax, "blue anneals, red quenches" if ax is axes[0] else "", label, "")
            columns |= {metric: [interval.mean for interval in row]}
            columns |= {f"{metric}.half": [half_width(interval) for interval in row]}
        axes[0].invert_yaxis()
        return figure.write(out, "anneal-or-quench", picture, columns)
