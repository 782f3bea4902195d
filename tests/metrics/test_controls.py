from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bdlbench.metrics.controls import OF_IMAGES, OF_OTHERS, control_aurocs

Examples = NDArray[np.uint8]
NAMES = {"random", "mean_intensity", "nonzero_fraction", "pixel_knn"}


def constant_images(*values: int) -> Examples:
    return np.stack([np.full((28, 28), value, np.uint8) for value in values])


def test_hand_worked_controls() -> None:
    train = constant_images(*[100] * 10)
    inside, outside = constant_images(90, 110, 130), constant_images(100, 0)
    found = control_aurocs(train, inside, outside)
    assert found.keys() == NAMES
    # Intensity: 1 of 6 pairs is in order; reversed, 5 of 6.
    assert found["mean_intensity"] == pytest.approx(5 / 6)
    # Non-zero pixels: three ties, three pairs in reverse order; reversed, 4.5 of 6.
    assert found["nonzero_fraction"] == pytest.approx(4.5 / 6)
    # Distances in pixel values: 10, 10, 30 inside, 0 and 100 outside; not reversed.
    assert found["pixel_knn"] == pytest.approx(3 / 6)


def test_the_direction_of_the_neighbour_score_is_fixed() -> None:
    train = constant_images(*[100] * 10)
    found = control_aurocs(train, constant_images(0), constant_images(100))
    assert found["pixel_knn"] == 0.0


def test_the_distance_is_to_the_tenth_neighbour() -> None:
    # Nine images at 0 and eleven at 200: the tenth nearest of 0 is at 200, that of 200 at 200.
    train = constant_images(*[0] * 9, *[200] * 11)
    found = control_aurocs(train, constant_images(200), constant_images(0))
    assert found["pixel_knn"] == 1.0


def test_random_scores_are_uninformative_and_seeded() -> None:
    blank = np.zeros((1, 28, 28), np.uint8)
    one, other = (np.repeat(blank, 2000, axis=0) for _ in range(2))
    found = control_aurocs(blank, one, other, seed=1)
    # The AUROC of two samples of 2,000 has standard deviation √(4001/(12·2000²)) = 0.0091.
    assert abs(found["random"] - 0.5) < 4 * 0.0091
    assert found["mean_intensity"] == found["nonzero_fraction"] == found["pixel_knn"] == 0.5
    assert control_aurocs(blank, one, other, seed=1) == found
    assert control_aurocs(blank, one, other, seed=2)["random"] != found["random"]


def pixel(value: int) -> Examples:
    return np.full((1, 1, 1), value, np.uint8)


def test_ten_thousand_training_set_are_spread_over_all() -> None:
    train = np.zeros((15_000, 1, 1), np.uint8)
    train[10_000:] = 250  # not among the first 10,000
    assert control_aurocs(train, pixel(250), pixel(100))["pixel_knn"] == 1.0


def test_no_more_than_ten_thousand_training_set_are_used() -> None:
    train = np.zeros((20_000, 1, 1), np.uint8)
    train[1::2] = 250  # every second image is used, and none of these
    assert control_aurocs(train, pixel(250), pixel(100))["pixel_knn"] == 0.0


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 28, 28)), r"expected outside as uint8 .* got float64 \(2, 28, 28\)"),
        (np.zeros((2, 8, 8), np.uint8), r"\(n, 28, 28\), got uint8 \(2, 8, 8\)"),
        (np.zeros((2, 784), np.uint8), r"got uint8 \(2, 784\)"),
        (np.zeros((0, 28, 28), np.uint8), r"got uint8 \(0, 28, 28\)"),
    ],
)
def test_invalid_images_are_refused(images: Examples, message: str) -> None:
    good = constant_images(1)
    with pytest.raises(ValueError, match=message):
        control_aurocs(good, good, images)


def idx_images(folder: str) -> Examples:
    path = Path(os.environ["BDLBENCH_DATA"]) / folder / "raw" / "t10k-images-idx3-ubyte.gz"
    content = gzip.decompress(path.read_bytes())
    return np.frombuffer(content, np.uint8, offset=16).reshape(-1, 28, 28)


def test_colour_images_have_the_controls_of_images() -> None:
    dark, bright = np.full((12, 3, 4, 4), 9, np.uint8), np.full((5, 3, 4, 4), 200, np.uint8)
    found = control_aurocs(dark, dark, bright)
    assert tuple(found) == OF_IMAGES
    assert (found["mean_intensity"], found["pixel_knn"]) == (1.0, 1.0)
    assert found["nonzero_fraction"] == 0.5, "no pixel is 0 in either set"


def test_features_are_compared_by_their_neighbours_alone() -> None:
    rng = np.random.default_rng(0)
    train, inside = (rng.normal(size=(30, 4)).astype(np.float32) for _ in range(2))
    found = control_aurocs(train, inside, inside + 100)
    assert tuple(found) == OF_OTHERS
    assert found["input_knn"] == 1.0


def test_tokens_are_compared_by_the_share_that_differs() -> None:
    train = np.tile(np.arange(6), (12, 1))
    near, far = train[:4].copy(), train[:4].copy()
    near[:, 0] = 1000  # far in number, but one token of six
    far[:, :2] = 9
    assert control_aurocs(train, near, far)["input_knn"] == 1.0


@pytest.mark.skipif("BDLBENCH_DATA" not in os.environ, reason="needs MNIST and notMNIST")
def test_mnist_and_notmnist_differ_in_intensity() -> None:
    inside, outside = idx_images("MNIST"), idx_images("notMNIST")
    found = control_aurocs(inside[:100], inside, outside)
    assert found["nonzero_fraction"] == pytest.approx(0.9993, abs=5e-5)
    assert found["mean_intensity"] == pytest.approx(0.9695, abs=5e-5)
