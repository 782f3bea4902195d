"""The scaler is fitted on the training part alone, and is scikit-learn's where that has one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.preprocessing import StandardScaler

from bdlbench.data.examples import Examples
from bdlbench.data.scaler import Scaler

RNG = np.random.default_rng(0)


def pixels(*shape: int) -> NDArray[np.uint8]:
    return RNG.integers(0, 256, shape, dtype=np.uint8)


def unlabelled(x: NDArray[Any]) -> Examples:
    return Examples(x)


def columns(x: NDArray[Any], axis: int | None) -> NDArray[np.float64]:
    """Bring what is scaled together into columns."""
    pixel = 255 if x.dtype == np.uint8 else 1
    if axis is None:
        return x.reshape(-1, 1) / pixel
    return np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis]) / pixel


@pytest.mark.parametrize(
    ("train", "other", "axis"),
    [
        (pixels(20, 28, 28), pixels(5, 28, 28), None),
        (pixels(20, 3, 8, 6), pixels(5, 3, 8, 6), 1),
        (pixels(20, 7), pixels(5, 7), 1),
        (RNG.normal(3, [1, 10, 0.1], (20, 3)), RNG.normal(3, 1, (5, 3)), 1),
        (RNG.normal(3, 2, (20, 2, 4, 4)), RNG.normal(3, 2, (5, 2, 4, 4)), 1),
        (RNG.normal(3, 2, (20, 9, 4)), RNG.normal(3, 2, (5, 9, 4)), None),
    ],
    ids=["grey", "channels", "bytes", "table", "float channels", "sequences"],
)
def test_inputs_are_scaled_as_by_scikit_learn(
    train: NDArray[Any], other: NDArray[Any], axis: int | None
) -> None:
    first, second = unlabelled(train), unlabelled(other)
    theirs = StandardScaler().fit(columns(first.x, axis))
    scaler = Scaler.fit(first)
    scaled = scaler(second)
    assert (scaled.dtype.name, scaled.shape) == ("float32", other.shape)
    np.testing.assert_allclose(np.ravel(scaler.mean), theirs.mean_, rtol=1e-12)
    np.testing.assert_allclose(np.ravel(scaler.std), theirs.scale_, rtol=1e-12)
    expected = theirs.transform(columns(second.x, axis))
    # Float32 has a relative rounding error of 6e-8.
    np.testing.assert_allclose(columns(scaled, axis), expected, rtol=1e-6, atol=1e-6)


def test_pixels_by_hand() -> None:
    # Half of the pixels 0, half 255: mean 1/2, standard deviation 1/2, scaled to -1 and +1.
    x = np.zeros((2, 28, 28), np.uint8)
    x[1] = 255
    scaler = Scaler.fit(unlabelled(x))
    assert (float(scaler.mean), float(scaler.std)) == (0.5, 0.5)
    assert scaler(unlabelled(x))[:, 0, 0].tolist() == [-1.0, 1.0]


def test_the_moments_of_many_pixels_are_exact() -> None:
    # So many that count·squares exceeds 64 bits; a broadcast array takes no memory.
    row = np.repeat(np.array([0, 255], np.uint8), 4096)
    x = np.broadcast_to(row, (4096, 1, len(row)))
    assert x.size * x.size // 2 * 255**2 > 2**64
    scaler = Scaler.fit(unlabelled(x))
    assert (float(scaler.mean), float(scaler.std)) == (0.5, 0.5)


def test_a_constant_column_becomes_zero_in_every_set() -> None:
    scaler = Scaler.fit(unlabelled(np.array([[0.1, 1.0], [0.1, 3.0], [0.1, 5.0]])))
    assert scaler(unlabelled(np.array([[0.1, 3.0], [100.0, 3.0]]))).tolist() == [[0, 0], [0, 0]]


def test_tokens_are_not_scaled() -> None:
    tokens = unlabelled(np.array([[5, 6], [7, 8]]))
    scaled = Scaler.fit(tokens)(tokens)
    assert scaled.dtype == np.int64
    assert scaled.tolist() == [[5, 6], [7, 8]]


def test_real_targets_are_standardised_by_those_of_training() -> None:
    train = Examples(np.arange(4.0)[:, None], np.array([1.0, 1.0, 5.0, 5.0]))
    scaler = Scaler.fit(train)
    assert (scaler.target_mean, scaler.target_std) == (3.0, 2.0)
    scaled = scaler.targets(Examples(np.zeros((2, 1)), np.array([3.0, 9.0])))
    assert scaled.dtype == np.float32
    assert scaled.tolist() == [0.0, 3.0]


def test_class_numbers_stay_and_are_copied() -> None:
    train = Examples(np.arange(4.0)[:, None], np.array([0, 1, 1, 2]), 3)
    scaler = Scaler.fit(train)
    labels = scaler.targets(train)
    assert (scaler.target_mean, scaler.target_std) == (0.0, 1.0)
    assert labels.dtype == np.int64
    labels[0] = 2
    assert train.y.tolist() == [0, 1, 1, 2]


def test_what_cannot_be_scaled_is_refused() -> None:
    blank = unlabelled(np.full((2, 28, 28), 7, np.uint8))
    with pytest.raises(ValueError, match="expected training inputs that differ"):
        Scaler.fit(blank)
    with pytest.raises(ValueError, match="expected at least one example"):
        Scaler.fit(blank[:0])
    with pytest.raises(ValueError, match="expected training targets that differ, all are 5"):
        Scaler.fit(Examples(np.arange(3.0)[:, None], np.full(3, 5.0)))
