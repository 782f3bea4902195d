"""Data sets with files of their own, made small here; nothing is downloaded."""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.io import savemat

import bdlbench.data.download
from bdlbench import registry
from bdlbench.data.examples import Examples
from bdlbench.errors import DataError, DataMissing

RNG = np.random.default_rng(0)
IDX = {"fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}
NAMES = [*IDX, "cifar10", "cifar100", "svhn", "mnist", "notmnist"]


def load(name: str, split: str, folder: Path) -> Examples:
    examples: Examples = registry.load("datasets", name)().load(split, [folder])
    return examples


def idx(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.mark.parametrize(("name", "folder"), IDX.items())
def test_idx_files(name: str, folder: str, tmp_path: Path) -> None:
    raw = tmp_path / folder / "raw"
    raw.mkdir(parents=True)
    for number, prefix in enumerate(("train", "t10k")):
        pixels = RNG.integers(0, 256, (3, 28, 28), dtype=np.uint8)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(idx(pixels))
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(np.full(3, number, np.uint8)))
        found = load(name, ("train", "test")[number], tmp_path)
        assert np.array_equal(found.x, pixels)
        assert (found.y.tolist(), found.classes) == ([number] * 3, 10)


def test_house_numbers_have_channels_first_and_10_is_0(tmp_path: Path) -> None:
    pixels = RNG.integers(0, 256, (3, 3, 32, 32), dtype=np.uint8)
    (tmp_path / "SVHN").mkdir()
    path = tmp_path / "SVHN" / "test_32x32.mat"
    savemat(path, {"X": pixels.transpose(2, 3, 1, 0), "y": np.array([[10], [1], [9]], np.uint8)})
    found = load("svhn", "test", tmp_path)
    assert np.array_equal(found.x, pixels)
    assert (found.y.tolist(), found.classes) == ([0, 1, 9], 10)
    path.write_bytes(b"hello")
    with pytest.raises(DataError, match=r"test_32x32\.mat: expected SVHN's images .*delete it"):
        load("svhn", "test", tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_on_disk_is_asked_for_with_a_checksum(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(urls: Sequence[str], target: Path, md5: str) -> None:
        asked.append((urls, target, md5))
        raise DataMissing("offline")

    monkeypatch.setattr(bdlbench.data.download, "fetch", refuse)
    with pytest.raises(DataMissing, match="is not on disk and cannot be downloaded") as caught:
        load(name, "test", tmp_path)
    assert len(str(caught.value)) <= 120
    ((urls, target, md5),) = asked
    assert all(url.startswith("http") and url.endswith("/" + target.name) for url in urls)
    assert target.is_relative_to(tmp_path)
    assert re.fullmatch("[0-9a-f]{32}", md5)


@pytest.mark.parametrize("name", NAMES)
def test_unknown_splits_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"expected a split of .*, got 'validation'"):
        load(name, "validation", tmp_path)
