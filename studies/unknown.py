"""The unknown: what networks that know digits say to letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bdlbench.data.images import Images, search_folders
from bdlbench.metrics.functions import most_probable
from bdlbench.metrics.statistics import seed_interval
from bdlbench.records.predictions import Predictions
from bdlbench.registry import register
from bdlbench.runs import tasks
from bdlbench.study import Finding, Say

from . import figure
from .intervals import half_width, in_percent, is_clear
from .runs import compare, predictions

CONFIDENT = 0.9
TOP = "highest probability"
COLOURS = {"sgd": figure.VERMILION, "sgld": figure.BLUE}
BINS = np.linspace(0.1, 1, 19).tolist()


@register("unknown")
@dataclass(frozen=True)
class Unknown:
    """Show letters to networks trained on digits by SGD and by SGLD, and ask how sure they are.

    Source: a post on SGLD for MNIST: SGD is sure of letters that it has never seen, SGLD less so.

    Args:
        task: Its OOD set (the first) are the letters.
        model: By default lenet5 on mnist, else the task's.
        epochs: Of every run; by default the task's.
        seeds: Runs of each.
        jobs: Runs at a time; by default as many as there are cores.
        seed: Of the choice of the letters that are shown.
    """

    task: str = "digits"
    model: str | None = None
    epochs: float | None = None
    seeds: int = 3
    jobs: int | None = None
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the shares of digits and of letters with a top confidence above 90 %."""
        model = self.model or ("lenet5" if self.task == "mnist" else None)
        comparison = compare(
            list(COLOURS), out, task=self.task, model=model, epochs=self.epochs, seeds=self.seeds,
            jobs=self.jobs,
        )  # fmt: skip
        found = predictions(comparison, list(COLOURS))
        sets = {"test": self.task, (ood := tasks.get(self.task).ood[0]): ood}
        top = {
            (name, kind): np.stack([run[kind].probabilities.max(1) for run in runs])
            for name, runs in found.items()
            for kind in sets
        }
        sure = {key: (values > CONFIDENT).mean(1) for key, values in top.items()}
        shares = {key: seed_interval(each.tolist()) for key, each in sure.items()}
        sgd, sgld = (shares[name, ood] for name in COLOURS)
        difference = seed_interval((sure["sgld", ood] - sure["sgd", ood]).tolist())
        numbers = {f"{name}.{kind}": share.mean for (name, kind), share in shares.items()}
        numbers |= {"difference": difference.mean, "half": half_width(difference)}
        verdict = "more" if difference.mean > 0 else "less"
        if not is_clear(difference):
            verdict = "not clearly less"
        text = (
            f"Trained on {self.task}, SGD is surer than {CONFIDENT:.0%} of {in_percent(sgd)} of "
            f"{ood} that it has never seen, and SGLD of {in_percent(sgld)} (of the test digits: "
            f"{in_percent(shares['sgd', 'test'])} and {in_percent(shares['sgld', 'test'])}). "
            f"SGLD is {verdict} sure of the unknown than SGD: the difference is "
            f"{100 * difference.mean:.1f} ± {100 * half_width(difference):.1f} points over "
            f"{self.seeds} seeds."
        )
        title = f"Sure of unknown {ood}: SGD of {sgd.mean:.0%}, SGLD of {sgld.mean:.0%}"
        files = self._histograms(out, title, sets, top)
        images = tasks.evaluation_images(tasks.get(self.task), "test", search_folders())[ood]
        answers = {name: runs[0][ood] for name, runs in found.items()}
        return Finding(text, numbers, files + self._examples(out, ood, images, answers))

    def _histograms(
        self,
        out: Path,
        title: str,
        sets: dict[str, str],
        top: dict[tuple[str, str], NDArray[np.float64]],
    ) -> tuple[Path, ...]:
        picture, axes = figure.canvas(title, sharey=True)
        columns: dict[str, list[float]] = {"confidence from": BINS[:-1]}
        for ax, kind in zip(axes, sets, strict=True):
            for name, colour in COLOURS.items():
                values = top[name, kind].ravel()
                share = f"{name.upper()}: {(values > CONFIDENT).mean():.0%} above {CONFIDENT}"
                heights = 100 * np.histogram(values, BINS)[0] / len(values)
                ax.stairs(heights, BINS, linewidth=3, color=colour, label=share)
                columns[f"{name}.{kind}"] = heights.tolist()
        known, unknown = sets.values()
        y = "share of the images (%)"
        figure.describe(axes[0], f"{known}, test set", TOP, y, "upper left")
        figure.describe(axes[1], f"{unknown}, never seen", TOP, "", "upper left")
        return figure.write(out, "unknown", picture, columns)

    def _examples(
        self, out: Path, ood: str, images: Images, answers: Mapping[str, Predictions]
    ) -> tuple[Path, ...]:
        """Show an image of each of ten kinds, drawn at random, with what the samplers say."""
        rng = np.random.default_rng(self.seed)
        chosen = [int(rng.choice(np.flatnonzero(images.labels == kind))) for kind in range(10)]
        picture, axes = figure.canvas(f"What they take {ood} for", 5, 2, size=(11, 6))
        columns: dict[str, list[float]] = {"image": list(chosen)}
        for sampler, predicted in answers.items():
            p = predicted.probabilities[chosen]
            columns |= {f"{sampler}.digit": most_probable(p).tolist(), sampler: p.max(1).tolist()}
        for index, (ax, image) in enumerate(zip(axes, chosen, strict=True)):
            ax.imshow(images.pixels[image], cmap="gray_r")
            ax.set_axis_off()
            words = [
                f"{sampler.upper()}: {columns[f'{sampler}.digit'][index]} "
                f"({columns[sampler][index]:.0%})"
                for sampler in answers
            ]
            ax.set_title("\n".join(words), fontsize=figure.SMALL)
        return figure.write(out, "unknown-letters", picture, columns)
