"""Rotation: accuracy and calibration on test images that are rotated by more and more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from bdlbench.comparison.resampled import differences, resample
from bdlbench.comparison.result import Comparison
from bdlbench.comparison.summary import read_predictions
from bdlbench.metrics.statistics import Interval
from bdlbench.records import store
from bdlbench.registry import register
from bdlbench.runs import tasks
from bdlbench.runs.task import Task
from bdlbench.study import Finding, Say

from . import figure
from .intervals import halves, in_words, means
from .runs import compare

LABELS = {
    "accuracy": "accuracy",
    "negative_log_likelihood": "NLL (nats)",
    "expected_calibration_error": "ECE (15 bins)",
}
Series = dict[int, Interval]
"""A metric by angle."""
Table = dict[str, dict[str, Series]]
"""Series by metric and sampler."""


@register("rotation")
@dataclass(frozen=True)
class Rotation:
    """Measure accuracy, NLL and ECE of samplers on test images that are rotated by up to 180°.

    Source: Ovadia et al. (2019), Can you trust your model's uncertainty? arXiv:1906.02530.

    Args:
        samplers: Names, separated by spaces; the others are compared with the first.
        task: Task to run them on, ``digits`` or ``mnist``.
        epochs: Epochs per run; by default the task's.
        seeds: Runs per sampler.
        jobs: Parallel runs; by default one per core.
    """

    angles: ClassVar[tuple[int, ...]] = tuple(range(15, 181, 15))
    judged: ClassVar[tuple[int, ...]] = (45, 90, 180)  # degrees at which samplers are compared
    samplers: str = "sgd temperature-scaling sgld mc-dropout deep-ensemble"
    task: str = "digits"
    epochs: float | None = None
    seeds: int = 5
    jobs: int | None = None

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the samplers with the first at some angles, corrected for all comparisons."""
        names = self.samplers.split()
        comparison = compare(self, names, out, task=self._rotated())
        table: Table = {
            metric: {
                name: {angle: row.metrics[_name(metric, angle)] for angle in (0, *self.angles)}
                for name, row in zip(names, comparison.rows, strict=True)
            }
            for metric in LABELS
        }
        numbers: dict[str, float] = {}
        for metric, by_sampler in table.items():
            for name, series in by_sampler.items():
                numbers |= means(f"{metric}.{name}", series)
                numbers |= halves(f"half.{metric}.{name}", series)
        verdicts = self._verdicts(comparison, names)
        text = f"{self._described(table, names)} {self._judged(verdicts, names)}"
        first, *_, last = self.judged
        accuracy = {name: table["accuracy"][name][first].mean for name in names}
        title = (
            f"Rotated by {first}°, the accuracy is {min(accuracy.values()):.2f} to "
            f"{max(accuracy.values()):.2f}; test images of {self.task}, up to {last}°"
        )
        return Finding(text, numbers, self._draw(out, title, table))

    def _rotated(self) -> Task:
        """Return the task with rotated test sets instead of OOD sets."""
        shift = {f"by-{angle}": f"rotated-{self.task}:degrees={angle}" for angle in self.angles}
        return replace(tasks.get(self.task), name=f"{self.task}-by-angle", ood={}, shift=shift)

    def _verdicts(self, comparison: Comparison, names: list[str]) -> dict[tuple[str, str], str]:
        """Return whether each sampler is better or worse than the first, by name and metric."""
        results = comparison.setup.results
        groups = [
            [store.read(store.folder_of(results, run)) for run in row.runs]
            for row in comparison.rows
        ]
        predicted = [read_predictions(results, group) for group in groups]
        metrics = [_name(metric, angle) for angle in self.judged for metric in LABELS]
        found = differences(names, resample(metrics, predicted))
        return {(name, one.metric): one.verdict for name, one in found}

    def _described(self, table: Table, names: list[str]) -> str:
        """Say what the metrics of the first sampler are, upright and at the judged angles."""
        angles = (0, *self.judged)
        shown = "; ".join(
            f"{_short(metric)} {', '.join(in_words(by_sampler[names[0]][a]) for a in angles)}"
            for metric, by_sampler in table.items()
        )
        return (
            f"On {self.task} rotated by {', '.join(f'{angle}°' for angle in angles)}, {names[0]} "
            f"has {shown} (95 % confidence intervals over {self.seeds} seeds)."
        )

    def _judged(self, verdicts: dict[tuple[str, str], str], names: list[str]) -> str:
        """Say which samplers clearly differ from the first, and in what."""
        parts = []
        for angle in self.judged:
            clear = [
                f"{name} is {verdict} in {_short(metric)}"
                for name in names[1:]
                for metric in LABELS
                if (verdict := verdicts[name, _name(metric, angle)]) in ("better", "worse")
            ]
            parts.append(f"at {angle}° {', '.join(clear) or 'no sampler differs'}")
        return (
            f"Compared with {names[0]} (p < 0.05 over seeds and test images, corrected for all "
            f"{len(verdicts)} comparisons), {'; '.join(parts)}; nothing else of "
            f"{', '.join(names[1:])} differs clearly."
        )

    def _draw(self, out: Path, title: str, table: Table) -> tuple[Path, ...]:
        fig, axes = figure.canvas(title, len(table), size=(15, 5))
        names, angles = self.samplers.split(), (0, *self.angles)
        columns: dict[str, list[float] | list[str]] = {
            "sampler": [name for name in names for _ in angles],
            "degrees": [float(angle) for _ in names for angle in angles],
        }
        for ax, (metric, by_sampler) in zip(axes, table.items(), strict=True):
            series = {name: list(each.values()) for name, each in by_sampler.items()}
            figure.curves(ax, angles, series)
            ax.set_xticks(range(0, angles[-1] + 1, 45))
            for angle in self.judged:
                ax.axvline(angle, color=figure.BLACK, linestyle=":", linewidth=1)
            legend = "upper right" if ax is axes[0] else None
            figure.describe(ax, "", "rotation (degrees)", LABELS[metric], legend)
            flat = [one for each in series.values() for one in each]
            columns[metric] = [one.mean for one in flat]
            columns[f"{metric}.half"] = [one.high - one.mean if one.high else 0.0 for one in flat]
        return figure.write(out, "rotation", fig, columns)


def _short(metric: str) -> str:
    """Return a metric's label without its unit."""
    return LABELS[metric].partition(" (")[0]


def _name(metric: str, angle: int) -> str:
    """Return the name of a metric on the images that are rotated by an angle."""
    return f"shift.by-{angle}.{metric}" if angle else metric
