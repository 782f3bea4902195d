"""Controls: OOD scores of the pixels alone, which a sampler has to beat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from bdlbench.metrics.functions import Float64s, auroc

Pixels = NDArray[np.uint8]

_NEIGHBOUR = 10
_MOST_TRAINING_IMAGES = 10_000


def control_aurocs(
    train: Pixels, inside: Pixels, outside: Pixels, seed: int = 0
) -> dict[str, float]:
    """Compute the AUROC of four scores of the pixels alone.

    - `random`: a uniform random score; 0.5 up to chance.
    - `mean_intensity`, `nonzero_fraction`: the mean pixel, and the fraction of pixels that are not
      0. Since either direction may indicate OOD, the value is max(a, 1 − a).
    - `pixel_knn`: Euclidean distance to the 10th nearest of at most 10,000 evenly spaced training
      images (with fewer than 10 images, to the farthest).

    Args:
        train: Training images, shape (n, 28, 28) or any other size.
        inside: In-distribution test images of the same size.
        outside: Out-of-distribution images of the same size.
        seed: Seed of the random score.

    Raises:
        ValueError: Examples are not uint8, differ in size, or are missing.
    """
    for name, images in (("train", train), ("inside", inside), ("outside", outside)):
        _check(name, images, train.shape[1:])
    rng = np.random.default_rng(seed)
    pair = (inside, outside)
    neighbours = _neighbours(train)
    return {
        "random": auroc(*(rng.random(len(images)) for images in pair)),
        "mean_intensity": _either_way(*(images.mean(axis=(1, 2)) for images in pair)),
        "nonzero_fraction": _either_way(*((images > 0).mean(axis=(1, 2)) for images in pair)),
        "pixel_knn": auroc(*(neighbours.kneighbors(_rows(images))[0][:, -1] for images in pair)),
    }


def _check(name: str, images: Pixels, size: tuple[int, ...]) -> None:
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != size or not len(images):
        expected = f"uint8 images (n, {', '.join(map(str, size))})"
        raise ValueError(f"expected {name} as {expected}, got {images.dtype} {images.shape}")


def _either_way(in_scores: Float64s, out_scores: Float64s) -> float:
    value = auroc(in_scores, out_scores)
    return max(value, 1 - value)


def _rows(images: Pixels) -> NDArray[np.float64]:
    # Squared distances are then integers, and exact on every processor.
    return images.reshape(len(images), -1).astype(np.float64)


def _neighbours(train: Pixels) -> NearestNeighbors:
    count = min(len(train), _MOST_TRAINING_IMAGES)
    spread = np.arange(count) * len(train) // count
    neighbours = NearestNeighbors(n_neighbors=min(_NEIGHBOUR, count), algorithm="brute")
    return neighbours.fit(_rows(train[spread]))
