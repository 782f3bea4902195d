from __future__ import annotations

import os

import numpy as np
import pytest

from bdlbench import registry
from bdlbench.data.examples import Examples, search_folders
from bdlbench.data.rotation import rotate
from bdlbench.errors import PluginError
from bdlbench.settings import parse

needs_data = pytest.mark.skipif(
    not os.environ.get("BDLBENCH_DATA"), reason="BDLBENCH_DATA names no folder with the real files"
)


def load(spec: str, split: str = "test") -> Examples:
    folders = search_folders()
    examples: Examples = registry.create("datasets", parse(spec)).load(split, folders)
    return examples


@pytest.fixture(scope="module")
def digits() -> Examples:
    return load("digits")


def test_a_quarter_turn_is_counter_clockwise_and_exact(digits: Examples) -> None:
    turned = load("rotated-digits:degrees=90")
    assert np.array_equal(turned.x, np.rot90(digits.x, axes=(1, 2)))
    assert np.array_equal(turned.y, digits.y)
    assert np.array_equal(load("rotated-digits:degrees=0").x, digits.x)


def test_the_default_is_15_degrees(digits: Examples) -> None:
    turned = load("rotated-digits")
    assert np.array_equal(turned.x, rotate(digits.x, 15))
    # In the corners comes black from outside; in the middle third, the ink stays.
    assert turned.x[:, 0, 0].max() == 0
    middle = (slice(None), slice(9, 19), slice(9, 19))
    assert turned.x[middle].mean() == pytest.approx(digits.x[middle].mean(), rel=0.1)


def test_a_turn_and_back_is_nearly_the_image() -> None:
    # Of a smooth blob, 255·exp(-r²/50), each linear interpolation of two axes changes at most
    # 2·(255/25)/8 = 2.6, a second derivative times 1/8; twice that, and rounding, are below 7.
    height, width = np.mgrid[-14:14, -14:14] + 0.5
    blob = 255 * np.exp(-((height - 3) ** 2 + (width + 2) ** 2) / 50)
    blob = blob.astype(np.uint8)[None]
    there = rotate(blob, 30)
    assert np.abs(there.astype(int) - blob).max() > 20
    inside = height**2 + width**2 < 12**2  # what stays within the image
    assert np.abs(rotate(there, -30).astype(int) - blob)[0][inside].max() < 7


@needs_data
def test_rotated_mnist() -> None:
    upright, turned = load("mnist"), load("rotated-mnist:degrees=-30")
    assert np.array_equal(turned.x, rotate(upright.x, -30))
    assert np.array_equal(turned.y, upright.y)


def test_wrong_angles_and_splits_are_refused() -> None:
    with pytest.raises(PluginError, match="expected degrees from -180 to 180, got 200"):
        load("rotated-digits:degrees=200")
    with pytest.raises(ValueError, match=r"expected a split of .*, got 'train'"):
        load("rotated-mnist", "train")
