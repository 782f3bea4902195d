from __future__ import annotations

import hashlib
import os

import numpy as np
import pytest

from bdlbench import registry
from bdlbench.data.examples import search_folders
from bdlbench.data.scaler import Scaler

needs_data = pytest.mark.skipif(
    not os.environ.get("BDLBENCH_DATA"), reason="BDLBENCH_DATA names no folder with the real files"
)


@needs_data
def test_the_official_test_images() -> None:
    images = registry.load("datasets", "mnist")().load("test", search_folders())
    # Content of the official, unpacked t10k files.
    idx = bytes.fromhex("00000803 00002710 0000001c 0000001c") + images.x.tobytes()
    assert hashlib.md5(idx, usedforsecurity=False).hexdigest() == "2646ac647ad5339dbf082846283269ea"
    assert np.bincount(images.y).tolist() == [
        *(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    ]


@needs_data
def test_the_training_set() -> None:
    images = registry.load("datasets", "mnist")().load("train", search_folders())
    assert len(images) == 60_000
    assert images.y[:5].tolist() == [5, 0, 4, 1, 9]
    # The mean and standard deviation commonly used for MNIST.
    scaler = Scaler.fit(images)
    assert (scaler.mean, scaler.std) == pytest.approx((0.1307, 0.3081), abs=1e-4)


@needs_data
def test_notmnist() -> None:
    images = registry.load("datasets", "notmnist")().load("test", search_folders())
    assert np.bincount(images.y).tolist() == [1000] * 10
    assert len(images) - len({image.tobytes() for image in images.x}) == 196


@pytest.mark.parametrize(
    ("name", "split"), [("mnist", "validation"), ("notmnist", "train"), ("notmnist", "")]
)
def test_unknown_splits_are_refused(name: str, split: str) -> None:
    with pytest.raises(ValueError, match=f"expected a split of .*, got '{split}'"):
        registry.load("datasets", name)().load(split, ())
