"""Cold posteriors: predictions of SGLD against the temperature, and the reference at T = 1."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bdlbench import metrics
from bdlbench.data.examples import Examples, search_folders
from bdlbench.data.scaler import Scaler
from bdlbench.errors import RecordError
from bdlbench.metrics.scores import score
from bdlbench.metrics.statistics import (
    Difference,
    Interval,
    corrected,
    paired_differences,
    seed_interval,
)
from bdlbench.posterior.network import CONSTANTS
from bdlbench.posterior.potential import Posterior, build_posterior
from bdlbench.problem import Budget, Problem
from bdlbench.records.quantization import to_probabilities
from bdlbench.reference import reference
from bdlbench.reference.predictive import Mixture
from bdlbench.registry import register
from bdlbench.runs import task_data, tasks
from bdlbench.runs.evaluate import predict
from bdlbench.runs.task import Task
from bdlbench.study import Finding, Say

from . import figure
from .intervals import ends, halves, in_words, means
from .runs import sgld_of

CPU = torch.device("cpu")
SCORES = {"classes": ("negative_log_likelihood", "accuracy"), "real": ("lppd", "rmse")}
LABELS = {
    "negative_log_likelihood": "NLL (nats)",
    "accuracy": "accuracy",
    "lppd": "NLL (nats, −LPPD)",
    "rmse": "RMSE",
}


@dataclass
class Curve:
    """What was measured on a task, by temperature.

    Args:
        task: The task.
        reference: Metrics of the reference at T = 1, by name; empty without one.
        sets: Predictions of the test set, one dict per seed.
        scores: Metrics of these, likewise.
        layer: Temperature of the output layer, over seeds.
    """

    task: Task
    reference: dict[str, float]
    sets: dict[float, list[Mapping[str, Any]]] = field(default_factory=dict)
    scores: dict[float, list[dict[str, float]]] = field(default_factory=dict)
    layer: dict[float, Interval] = field(default_factory=dict)

    def series(self, metric: str) -> dict[float, Interval]:
        """Return a metric by temperature; LPPD as an NLL."""
        sign = -1 if metric == "lppd" else 1
        return {
            t: seed_interval([sign * run[metric] for run in runs])
            for t, runs in self.scores.items()
        }

    def differences(self) -> Iterator[tuple[float, Difference]]:
        """Yield every other temperature and its difference in NLL from T = 1."""
        others = [t for t in self.sets if t != 1]
        pairs = [(self.sets[1.0], self.sets[t]) for t in others]
        yield from zip(others, paired_differences(SCORES[self.task.kind][0], pairs), strict=True)


@register("cold-posterior")
@dataclass(frozen=True)
class ColdPosterior:
    """Measure whether SGLD predicts better at temperatures below 1 than at the posterior's.

    The temperature of the output layer is measured, too: the mean of θ·∇U/d over its d parameters,
    which is T if the draws are from exp(−U/T). At rest, where E|θ|² does not change, a chain of
    step size ε has T + ε/4·E|∇Û|²/d, ∇Û of minibatches: more than T. Less says that |θ| still
    grows.

    Source: Wenzel et al. (2020), How good is the Bayes posterior in deep neural networks really?
    arXiv:2002.02405. With default settings it takes about 20 minutes of one core.

    Args:
        tasks: Names, separated by spaces.
        slower: Divides the tasks' step sizes, and multiplies their epochs.
        seeds: Runs per task and temperature.
    """

    temperatures: ClassVar[tuple[float, ...]] = (0.01, 0.1, 0.3, 1.0, 2.0, 4.0)
    tasks: str = "digits mnist-1k diabetes"
    slower: int = 3
    seeds: int = 4

    def run(self, out: Path, say: Say) -> Finding:
        """Compare every temperature with T = 1, corrected for all comparisons."""
        curves = [self._measured(name, say) for name in self.tasks.split()]
        differences = [(curve, t, one) for curve in curves for t, one in curve.differences()]
        judged = corrected([one for _, _, one in differences])
        verdicts = {
            (curve.task.name, t): one.verdict
            for (curve, t, _), one in zip(differences, judged, strict=True)
        }
        colder = [name for (name, t), verdict in verdicts.items() if t < 1 and verdict == "better"]
        cold = ", ".join(dict.fromkeys(colder)) or f"none of {', '.join(self.tasks.split())}"
        shown = ", ".join(f"{t:g}" for t in self.temperatures)
        text = (
            f"SGLD with 1/{self.slower} of the tasks' step sizes and {self.slower} times their "
            f"epochs, {self.seeds} seeds, T = {shown}: "
            f"{' '.join(self._described(curve, verdicts) for curve in curves)} (Clearly: p < 0.05 "
            f"over seeds and test inputs, corrected for all {len(verdicts)} comparisons.) A "
            f"temperature below 1 clearly lowers the NLL of SGLD on {cold}."
        )
        title = f"A temperature below 1 clearly lowers the NLL of SGLD on {cold}"
        return Finding(text, numbers_of(curves), self._draw(out, title, curves))

    def _measured(self, name: str, say: Say) -> Curve:
        task = replace(tasks.get(name), ood={}, shift={})
        folders = search_folders()
        train = task_data.training_set(task, "test", folders)
        posterior, scaler = build_posterior(train, task.model, task.prior_std, CPU, task.likelihood)
        test = task_data.evaluation_sets(task, "test", folders)
        curve = Curve(task, reference_scores(name, test["test"]))
        for t in self.temperatures:
            runs = [self._draws(task, posterior, t, seed) for seed in range(self.seeds)]
            curve.layer[t] = seed_interval([layer_temperature(posterior, run) for run in runs])
            curve.sets[t] = [predicted(task, posterior, run, test, scaler) for run in runs]
            curve.scores[t] = [score(sets) for sets in curve.sets[t]]
            say(f"{name}: T = {t:g} done, measured on the output layer {curve.layer[t].mean:.3g}")
        return curve

    def _draws(self, task: Task, posterior: Posterior, t: float, seed: int) -> list[Tensor]:
        """Return the draws of a run, each of shape (1, dim)."""
        budget = replace(task.budget, epochs=task.budget.epochs * self.slower)
        step_size = float(task.settings["sgld"]["step_size"] or 0) / self.slower
        sampler = sgld_of(task.name, step_size=step_size, temperature=t)
        rng = torch.Generator().manual_seed(seed)
        problem = Problem(posterior, Budget(budget.epochs, budget.draws, budget.burn_in))
        return [theta.clone() for theta in sampler.sample(problem, rng)]

    def _described(self, curve: Curve, verdicts: Mapping[tuple[str, float], str]) -> str:
        name, metric = curve.task.name, SCORES[curve.task.kind][0]
        series = curve.series(metric)
        best = min(series, key=lambda t: series[t].mean)
        kept = curve.reference.get(metric)
        at_one = f"{in_words(series[1.0])} at T = 1"
        at_one += "" if kept is None else f"; the reference: {kept:.3f}"
        found = {
            verdict: ", ".join(f"{t:g}" for t in series if verdicts.get((name, t)) == verdict)
            for verdict in ("better", "worse")
        }
        layer = ", ".join(f"{one.mean:.2g}" for one in curve.layer.values())
        grows = ", ".join(f"{t:g}" for t, one in curve.layer.items() if ends(one)[1] < t)
        moving = f" (still moving at T = {grows})" if grows else ""
        return (
            f"On {name} the mean NLL is lowest at T = {best:g} ({in_words(series[best])}; "
            f"{at_one}); clearly lower than at T = 1: {found['better'] or 'none'}, clearly higher: "
            f"{found['worse'] or 'none'}; measured on the output layer, T is {layer}{moving}."
        )

    def _draw(self, out: Path, title: str, curves: list[Curve]) -> tuple[Path, ...]:
        fig, axes = figure.canvas(title, len(curves), 2, size=(14, 8))
        columns: dict[str, list[Any]] = {key: [] for key in ("task", "T", "T of output layer")}
        columns |= {key: [] for key in ("metric", "value", "half")}
        for index, curve in enumerate(curves):
            for row, metric in enumerate(SCORES[curve.task.kind]):
                ax, series = axes[index + row * len(curves)], curve.series(metric)
                figure.bars(ax, list(series), list(series.values()), "SGLD", line="-")
                if metric in curve.reference:
                    ax.axhline(
                        curve.reference[metric], color=figure.BLACK, linestyle=":",
                        label="reference, T = 1",
                    )  # fmt: skip
                figure.log_axes(ax, self.temperatures)
                legend = "upper left" if index == row == 0 else None
                title_of = curve.task.name if row == 0 else ""
                x = "temperature T" if row else ""
                figure.describe(ax, title_of, x, LABELS[metric], legend)
                for t, one in series.items():
                    half = 0.0 if one.high is None else one.high - one.mean
                    values = (curve.task.name, t, curve.layer[t].mean, metric, one.mean, half)
                    for key, value in zip(columns, values, strict=True):
                        columns[key].append(value)
        return figure.write(out, "cold-posterior", fig, columns)


def numbers_of(curves: list[Curve]) -> dict[str, float]:
    """Return means and half-widths by metric, task and temperature, and the references' scores."""
    numbers: dict[str, float] = {}
    for curve in curves:
        name = curve.task.name
        numbers |= means(f"T.{name}", curve.layer) | halves(f"half.T.{name}", curve.layer)
        for metric in SCORES[curve.task.kind]:
            series = curve.series(metric)
            numbers |= means(f"{metric}.{name}", series)
            numbers |= halves(f"half.{metric}.{name}", series)
        numbers |= {f"reference.{m}.{name}": value for m, value in curve.reference.items()}
    return numbers


def predicted(
    task: Task, posterior: Posterior, draws: list[Tensor], test: dict[str, Examples], scaler: Scaler
) -> Mapping[str, Any]:
    """Return the predictions of draws of shape (1, dim) for the test set."""
    rows = [theta[0] for theta in draws]
    return predict(posterior.network, rows, test, scaler, CPU, likelihood=task.likelihood)


def layer_temperature(posterior: Posterior, draws: list[Tensor]) -> float:
    """Return the mean over draws of θ·∇U/d over the d parameters of the last layer."""
    names = [name for name in posterior.network.shapes if name != CONSTANTS]
    layer = names[-1].rpartition(".")[0]
    chosen = [name for name in names if name.rpartition(".")[0] == layer]
    mask = torch.zeros(1, posterior.network.dim)
    for name in chosen:
        posterior.network.unflatten(mask)[name].fill_(1)
    products = [(mask * theta * posterior.gradient(theta)).double().sum() for theta in draws]
    return float(torch.stack(products).mean() / mask.sum())


def reference_scores(name: str, test: Examples) -> dict[str, float]:
    """Return the reference's NLL, and accuracy or RMSE; empty without a reference."""
    data = task_data.fingerprints(tasks.get(name), "test", search_folders())
    try:
        found = reference.load(name, data=data).sets["test"]
    except RecordError:
        return {}
    if isinstance(found, Mixture):
        mixture = replace(found.densities(), targets=np.asarray(test.y, np.float64))
        rmse = float(np.sqrt(np.mean((mixture.mean - mixture.targets) ** 2)))
        return {"lppd": -float(mixture.log_density.mean()), "rmse": rmse}
    p = to_probabilities(found.log_probabilities)
    return {name: getattr(metrics, name)(p, test.y) for name in SCORES["classes"]}
