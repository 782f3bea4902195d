"""Anneal or quench: does slow cooling reach a better optimum?"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
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
from .intervals import columns, half_width, halves, is_clear, means
from .target import mean_and_slope, posterior_of, scores_of, sharpness

QUENCHED = 0.1  # the share of the budget over which a quench cools
Fall = Callable[[float], float]
"""A factor, as a function of the share of the budget that is spent."""
COMPARED = {"train": "training loss", "held-out": "held-out loss", "sharpness": "sharpness"}
SHOWN = {
    "train": "training loss U/N (nats)",
    "held-out": "held-out NLL (nats)",
    "sharpness": "largest Hessian eigenvalue",
    "ood": "AUROC of OOD images",
}


def fast(done: float) -> float:
    """Fall along half a cosine within a tenth of the budget, to 0.01."""
    return cosine(min(1.0, done / QUENCHED)) * 0.99 + 0.01


def sawtooth(done: float) -> float:
    """Fall along half a cosine five times."""
    return cosine(5 * done % 1)


FALLS: dict[str, tuple[Fall, Fall]] = {  # of the learning rate, and of the temperature
    "SGD, fast": (fast, lambda done: 0.0),
    "SGD, slow": (cosine, lambda done: 0.0),
    "SGD, saw-tooth": (sawtooth, lambda done: 0.0),
    "SGLD, annealed": (lambda done: 1.0, lambda done: math.exp(-10 * done)),
}
SCIPY = {"L-BFGS": "L-BFGS-B", "conj. gradients": "CG"}  # names of the methods
ANNEALERS = ("SGD, slow", "SGD, saw-tooth", "SGLD, annealed")
METHODS = (*SCIPY, "gradient descent", *FALLS)


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

    methods: ClassVar[tuple[str, ...]] = METHODS
    task: str = "digits"
    epochs: int = 100
    learning_rate: float = 0.1
    batch_size: int = 32
    seeds: int = 5
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Compare slow with fast cooling on equal starts, and rank all methods."""
        posterior = posterior_of(self.task)
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in self.methods}
        for seed in range(self.seed, self.seed + self.seeds):
            for name, judged in runs.items():
                judged.append(self._judge(posterior, self._minimise(posterior, name, seed)))
            say(f"seed {seed} done")
        found = {
            metric: {name: seed_interval([r[metric] for r in runs[name]]) for name in runs}
            for metric in SHOWN
        }
        pairs = list(zip(runs["SGD, slow"], runs["SGD, fast"], strict=True))
        gaps = {
            metric: seed_interval([slow[metric] - fast[metric] for slow, fast in pairs])
            for metric in COMPARED
        }
        numbers = means("gap", gaps) | halves("half", gaps)
        for metric, row in found.items():
            numbers |= means(metric, row)
        words = [
            f"{_verdict(gap)} {COMPARED[metric]} ({gap.mean:+.3g} ± {half_width(gap):.2g})"
            for metric, gap in gaps.items()
        ]
        best = {metric: min(row, key=lambda name: row[name].mean) for metric, row in found.items()}
        least = {metric: found[metric][name].mean for metric, name in best.items()}
        text = (
            f"On {self.task}, with {self.epochs} epochs each and {self.seeds} seeds, SGD that "
            f"cools slowly ends, compared with a quench, at {', '.join(words)}. Of all, "
            f"{best['train']} has the lowest training loss ({least['train']:.3f}), "
            f"{best['held-out']} the lowest held-out loss ({least['held-out']:.3f}) and "
            f"{best['sharpness']} the flattest optimum (largest eigenvalue "
            f"{least['sharpness']:.3g})."
        )
        title = f"Least held-out loss: {best['held-out']}; flattest: {best['sharpness']}"
        return Finding(text, numbers, self._draw(out, title, found))

    def _minimise(self, posterior: Posterior, method: str, seed: int) -> Tensor:
        """Return where a method ends, shape (1, dim); the start depends on the seed alone."""
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
        step_size = 2 * self.learning_rate / posterior.n  # of the samplers' convention
        optimizer = SGLD([theta], step_size, generator=rng)
        for batch, _ in problem.steps(self.batch_size, rng):
            done = problem.progress
            now = {"lr": step_size * rate(done), "temperature": temperature(done)}
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
        self, out: Path, title: str, found: dict[str, dict[str, Interval]]
    ) -> tuple[Path, ...]:
        picture, axes = figure.canvas(title, len(SHOWN), size=(14, 5.2), sharey=True)
        table: dict[str, Any] = {"method": list(found["train"])}
        for ax, (metric, row) in zip(axes, found.items(), strict=True):
            figure.dots(ax, row, ANNEALERS)
            about = "blue anneals, red quenches" if ax is axes[0] else ""
            figure.describe(ax, about, SHOWN[metric], "")
            table |= columns(metric, list(row.values()))
        return figure.write(out, "anneal-or-quench", picture, table)


def _verdict(gap: Interval) -> str:
    if not is_clear(gap):
        return "no clearly other"
    return "a higher" if gap.mean > 0 else "a lower"


class _Spent(Exception):  # noqa: N818 -- not a fault
    """End an optimizer whose budget is spent."""


def descend_all(posterior: Posterior, start: Tensor, method: str, epochs: int) -> Tensor:
    """Minimise by one of SciPy's methods on all data; one evaluation of U and ∇U is an epoch."""
    best, spent = (np.inf, start), 0

    def evaluate(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        nonlocal best, spent
        if spent == epochs:
            raise _Spent
        spent += 1
        value, gradient = mean_and_slope(posterior, theta)
        if value < best[0]:
            best = value, torch.from_numpy(theta).float()[None]
        return value, gradient

    with suppress(_Spent):
        minimize = cast("Any", optimize.minimize)  # its types know no method by a variable
        first = start[0].double().numpy()
        minimize(evaluate, first, jac=True, method=method, options={"maxiter": epochs})
    return best[1]
