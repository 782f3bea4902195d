"""A grid of images, with what networks say to each."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from bdlbench.data.images import Images
from bdlbench.metrics.functions import most_probable
from bdlbench.records.predictions import Predictions

from . import figure


def draw_examples(
    out: Path, name: str, title: str, images: Images, answers: Mapping[str, Predictions], seed: int
) -> tuple[Path, ...]:
    """Show an image of each of ten kinds, drawn at random, with all answers; return the paths.

    Args:
        out: The folder.
        name: Of the files.
        title: Of the picture.
        images: To draw from, labelled by kind.
        answers: Predictions for these images, by sampler.
        seed: Of the choice.
    """
    rng = np.random.default_rng(seed)
    chosen = [int(rng.choice(np.flatnonzero(images.labels == kind))) for kind in range(10)]
    picture, axes = figure.canvas(title, 5, 2, size=(11, 6))
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
    return figure.write(out, name, picture, columns)
