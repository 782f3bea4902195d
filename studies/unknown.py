"""OOD confidence: predictions of networks trained on digits for letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bdlbench.data.examples import Examples, search_folders
from bdlbench.metrics.functions import most_probable
from bdlbench.metrics.statistics import seed_interval
from bdlbench.records.predictions import Predictions
from bdlbench.registry import register
from bdlbench.runs import task_data, tasks
from bdlbench.study import Finding, Say

from . import figure
from .intervals import Array, half_width, in_percent, is_clear
from .runs import compare, predictions

CONFIDENT = 0.9
COLOURS = {"sgd": figure.VERMILION, "sgld": figure.BLUE}
BINS = np.linspace(0.1, 1, 19).tolist()


@register("unknown")
@dataclass(frozen=True)
class Unknown:
    """Compare the confidence in OOD letters of networks trained on digits by SGD and by SGLD.

    Source: a post on SGLD for MNIST, which finds SGD confident in letters, and SGLD less so.

    Args:
        task: Task, whose first OOD set provides the letters.
        model: Network; by default lenet5 on mnist, else the task's.
        epochs: Epochs per run; by default the task's.
        seeds: Runs per sampler.
        jobs: Parallel runs; by default one per core.
        seed: Random seed of the choice of example letters.
    """

    task: str = "digits"
    model: str | None = None
    epochs: float | None = None
    seeds: int = 3
    jobs: int | None = None
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the shares of digits and letters with a confidence over 90 %."""
        model = self.model or ("lenet5" if self.task == "mnist" else None)
        comparison = compare(self, list(COLOURS), out, model=model)
        predicted = predictions(comparison, list(COLOURS))
        sets = {"test": self.task, (ood := tasks.get(self.task).ood_names[0]): ood}
        top = {
            (name, kind): np.stack([run[kind].probabilities.max(1) for run in runs])
            for name, runs in predicted.items()
            for kind in sets
        }
        confident = {key: (values > CONFIDENT).mean(1) for key, values in top.items()}
        shares = {key: seed_interval(each.tolist()) for key, each in confident.items()}
        sgd, sgld = (shares[name, ood] for name in COLOURS)
        difference = seed_interval((confident["sgld", ood] - confident["sgd", ood]).tolist())
        numbers = {f"{name}.{kind}": share.mean for (name, kind), share in shares.items()}
        numbers |= {"difference": difference.mean, "half": half_width(difference)}
        verdict = "more" if difference.mean > 0 else "less"
        if not is_clear(difference):
            verdict = "not significantly less"
        text = (
            f"Trained on {self.task}, SGD is over {CONFIDENT:.0%} confident in {in_percent(sgd)} "
            f"of OOD {ood}, and SGLD in {in_percent(sgld)} (test set: "
            f"{in_percent(shares['sgd', 'test'])} and {in_percent(shares['sgld', 'test'])}). "
            f"SGLD is {verdict} confident in OOD inputs than SGD: the difference is "
            f"{100 * difference.mean:.1f} ± {100 * half_width(difference):.1f} percentage points "
            f"over {self.seeds} seeds."
        )
        title = (
            f"Over {CONFIDENT:.0%} confident in OOD {ood}: SGD {sgd.mean:.0%}, SGLD {sgld.mean:.0%}"
        )
        files = self._histograms(out, title, sets, top)
        images = task_data.evaluation_sets(tasks.get(self.task), "test", search_folders())[ood]
        examples = {name: runs[0][ood] for name, runs in predicted.items()}
        return Finding(text, numbers, files + self._examples(out, ood, images, examples))

    def _histograms(
        self, out: Path, title: str, sets: dict[str, str], top: dict[tuple[str, str], Array]
    ) -> tuple[Path, ...]:
        fig, axes = figure.canvas(title, sharey=True)
        columns: dict[str, list[float]] = {"confidence from": BINS[:-1]}
        for ax, kind in zip(axes, sets, strict=True):
            for name, colour in COLOURS.items():
                values = top[name, kind].ravel()
                share = f"{name.upper()}: {(values > CONFIDENT).mean():.0%} above {CONFIDENT}"
                heights = 100 * np.histogram(values, BINS)[0] / len(values)
                ax.stairs(heights, BINS, linewidth=3, color=colour, label=share)
                columns[f"{name}.{kind}"] = heights.tolist()
        test, ood = sets.values()
        x = "confidence (highest probability)"
        figure.describe(axes[0], f"{test}, test set", x, "share of images (%)", "upper left")
        figure.describe(axes[1], f"{ood}, OOD", x, "", "upper left")
        return figure.write(out, "unknown", fig, columns)

    def _examples(
        self, out: Path, ood: str, images: Examples, examples: Mapping[str, Predictions]
    ) -> tuple[Path, ...]:
        """Plot a random image of each of ten classes with the predictions of the samplers."""
        rng = np.random.default_rng(self.seed)
        chosen = [int(rng.choice(np.flatnonzero(images.y == kind))) for kind in range(10)]
        fig, axes = figure.canvas(f"Most probable digit for {ood}", 5, 2, size=(11, 6))
        columns: dict[str, list[float]] = {"image": list(chosen)}
        for sampler, predicted in examples.items():
            p = predicted.probabilities[chosen]
            columns |= {f"{sampler}.digit": most_probable(p).tolist(), sampler: p.max(1).tolist()}
        for index, (ax, image) in enumerate(zip(axes, chosen, strict=True)):
            ax.imshow(images.x[image], cmap="gray_r")
            ax.set_axis_off()
            labels = [
                f"{sampler.upper()}: {columns[f'{sampler}.digit'][index]} "
                f"({columns[sampler][index]:.0%})"
                for sampler in examples
            ]
            ax.set_title("\n".join(labels), fontsize=figure.SMALL)
        return figure.write(out, "unknown-letters", fig, columns)
