"""Controls: OOD scores of the inputs alone, which a sampler has to beat."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from bdlbench.metrics.functions import Float64s, auroc

Inputs = NDArray[Any]
OF_IMAGES = ("random", "mean_intensity", "nonzero_fraction", "pixel_knn")
OF_OTHERS = ("random", "input_knn")

_NEIGHBOUR = 10
_MOST_TRAINING_IMAGES = 10_000


def control_aurocs(
    train: Inputs, inside: Inputs, outside: Inputs, seed: int = 0
) -> dict[str, float]:
    """Compute the AUROC of scores of the inputs alone: `OF_IMAGES`, or `OF_OTHERS`.

    - `random`: a uniform random score; 0.5 up to chance.
    - `mean_intensity`, `nonzero_fraction`: the mean pixel, and the fraction of pixels that are not
      0. Since either direction may indicate OOD, the value is max(a, 1 − a).
    - `pixel_knn`, `input_knn`: distance to the 10th nearest of at most 10,000 evenly spaced
      training inputs (with fewer, to the farthest): Euclidean; of tokens, the share that differs.

    Args:
        train: Training inputs, shape (n, …): uint8 images, int64 tokens, or standardised features.
        inside: In-distribution test inputs of the same kind and shape.
        outside: Out-of-distribution inputs, likewise.
        seed: Seed of the random score.

    Raises:
        ValueError: The inputs differ in type or shape, or are missing.
    """
    for name, inputs in (("train", train), ("inside", inside), ("outside", outside)):
        _check(name, inputs, train)
    rng = np.random.default_rng(seed)
    pair = (inside, outside)
    neighbours = _neighbours(train)
    found = {"random": auroc(*(rng.random(len(inputs)) for inputs in pair))}
    images = is_images(train)
    if images:
        pixels = tuple(range(1, train.ndim))
        found["mean_intensity"] = _either_way(*(each.mean(axis=pixels) for each in pair))
        found["nonzero_fraction"] = _either_way(*((each > 0).mean(axis=pixels) for each in pair))
    nearest = auroc(*(neighbours.kneighbors(_rows(each))[0][:, -1] for each in pair))
    return found | {"pixel_knn" if images else "input_knn": nearest}


def is_images(inputs: Inputs) -> bool:
    """Return whether inputs are images, uint8 (n, [channels,] height, width)."""
    return inputs.dtype == np.uint8 and inputs.ndim in (3, 4)


def _check(name: str, inputs: Inputs, like: Inputs) -> None:
    if inputs.dtype != like.dtype or inputs.shape[1:] != like.shape[1:] or not len(inputs):
        expected = f"{like.dtype} inputs (n, {', '.join(map(str, like.shape[1:]))})"
        raise ValueError(f"expected {name} as {expected}, got {inputs.dtype} {inputs.shape}")


def _either_way(in_scores: Float64s, out_scores: Float64s) -> float:
    value = auroc(in_scores, out_scores)
    return max(value, 1 - value)


def _rows(inputs: Inputs) -> NDArray[np.float64]:
    # Squared distances of images are then integers, and exact on every processor.
    return inputs.reshape(len(inputs), -1).astype(np.float64)


def _neighbours(train: Inputs) -> NearestNeighbors:
    count = min(len(train), _MOST_TRAINING_IMAGES)
    spread = np.arange(count) * len(train) // count
    metric = "hamming" if train.dtype.kind == "i" else "minkowski"
    neighbours = NearestNeighbors(
        n_neighbors=min(_NEIGHBOUR, count), algorithm="brute", metric=metric
    )
    return neighbours.fit(_rows(train[spread]))
