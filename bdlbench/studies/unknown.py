"""The unknown: what networks that know digits say to letters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bdlbench import tasks
from bdlbench.comparison import run_comparison
from bdlbench.data import search_folders
from bdlbench.predictions import Predictions
from bdlbench.registry import register
from bdlbench.statistics import Interval, seed_interval
from bdlbench.studies import figure
from bdlbench.studies.runs import predictions
from bdlbench.studies.study import Finding, Say, half_width

CONFIDENT = 0.9
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
        comparison = run_comparison(
            list(COLOURS), task=self.task, model=model, epochs=self.epochs, seeds=self.seeds,
            jobs=self.jobs, results=out / "runs", quiet=False,
        )  # fmt: skip
        found = predictions(comparison, list(COLOURS))
        sets = {"test": self.task, (ood := tasks.get(self.task).ood[0]): ood}
        top = {
            (name, kind): np.stack([run[kind].probabilities.max(1) for run in runs])
            for name, runs in found.items()
            for kind in sets
        }
        shares = {
            key: seed_interval((values > CONFIDENT).mean(1).tolist()) for key, values in top.items()
        }
        sgd, sgld = (shares[name, ood] for name in COLOURS)
        paired = (top["sgld", ood] > CONFIDENT).mean(1) - (top["sgd", ood] > CONFIDENT).mean(1)
        difference = seed_interval(paired.tolist())
        numbers = {f"{name}.{kind}": share.mean for (name, kind), share in shares.items()}
        numbers |= {"difference": difference.mean, "half": half_width(difference)}
        clear = abs(difference.mean) > half_width(difference) > 0
        verdict = ("more" if difference.mean > 0 else "less") if clear else "not clearly less"
        text = (
            f"Trained on {self.task}, SGD is surer than {CONFIDENT:.0%} of {_percent(sgd)} of "
            f"{ood} that it has never seen, and SGLD of {_percent(sgld)} (of the test digits: "
            f"{_percent(shares['sgd', 'test'])} and {_percent(shares['sgld', 'test'])}). SGLD is "
            f"{verdict} sure of the unknown than SGD: the difference is "
            f"{100 * difference.mean:.1f} ± {100 * half_width(difference):.1f} points over "
            f"{self.seeds} seeds."
        )
        title = f"Sure of unknown {ood}: SGD of {sgd.mean:.0%}, SGLD of {sgld.mean:.0%}"
        files = self._histograms(out, title, sets, top)
        return Finding(text, numbers, files + self._letters(out, ood, found))

    def _histograms(
        self,
        out: Path,
        title: str,
        sets: dict[str, str],
        top: dict[tuple[str, str], NDArray[np.float64]],
    ) -> tuple[Path, ...]:
        picture, axes = figure.canvas(title, sharey=True)
        columns: dict[str, list[float]] = {"confidence from": BINS[:-1]}
        for ax, (kind, label) in zip(axes, sets.items(), strict=True):
            for name, colour in COLOURS.items():
                values = top[name, kind].ravel()
                share = f"{name.upper()}: {(values > CONFIDENT).mean():.0%} above {CONFIDENT}"
                weights = np.full(len(values), 100 / len(values))
                heights, _, _ = ax.hist(
                    values, BINS, weights=weights, histtype="step", linewidth=3, color=colour,
                    label=share,
                )  # fmt: skip
                columns[f"{name}.{kind}"] = np.asarray(heights).tolist()
            kind_label = f"{label}, never seen" if kind != "test" else f"{label}, test set"
            y = "share of the images (%)" if kind == "test" else ""
            figure.describe(ax, kind_label, "highest probability", y, "upper left")
        return figure.write(out, "unknown", picture, columns)

    def _letters(
        self, out: Path, ood: str, found: dict[str, list[Mapping[str, Predictions]]]
    ) -> tuple[Path, ...]:
        """Show a letter of each kind, drawn at random, with the answers of the first seed."""
        images = tasks.judged_images(tasks.get(self.task), "test", search_folders())[ood]
        rng = np.random.default_rng(self.seed)
        chosen = [int(rng.choice(np.flatnonzero(images.labels == k))) for k in range(10)]
        picture, axes = figure.canvas(f"What they take {ood} for", 5, 2, size=(11, 6))
        columns: dict[str, list[float]] = {"image": list(chosen)}
        for name, runs in found.items():
            p = runs[0][ood].probabilities[chosen]
            columns |= {f"{name}.digit": p.argmax(1).tolist(), name: p.max(1).tolist()}
        for index, (ax, image) in enumerate(zip(axes, chosen, strict=True)):
            ax.imshow(images.pixels[image], cmap="gray_r")
            ax.set_axis_off()
            answers = [
                f"{name.upper()}: {columns[f'{name}.digit'][index]} ({columns[name][index]:.0%})"
                for name in found
            ]
            ax.set_title("\n".join(answers), fontsize=figure.SMALL)
        return figure.write(out, "unknown-letters", picture, columns)


def _percent(share: Interval) -> str:
    return f"{share.mean:.1%} ± {half_width(share):.1%}"
