from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from bdlbench.data.examples import Examples, search_folders, split_validation
from bdlbench.errors import DataError


def make_images(n: int, seed: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)
    return Examples(pixels, np.arange(n, dtype=np.int64) % 10, 10)


@pytest.mark.parametrize(
    ("pixels", "labels", "message"),
    [
        (np.zeros((2, 8), np.int8), np.zeros(2, np.int64), "uint8, int64 or .*got int8"),
        (np.zeros(2, np.float32), np.zeros(2, np.int64), r"\(n, …\) .*got float32 \(2,\)"),
        (np.zeros((2, 8)), np.zeros(2, np.uint8), "y of type int64 .*got uint8"),
        (np.zeros((2, 8)), np.zeros(3, np.int64), r"shape \(2,\), got int64 \(3,"),
        (np.zeros((2, 8)), np.array([0, 10]), "y from 0 to 9, got 0 to 10"),
        (np.zeros((2, 8)), np.array([-1, 3]), "y from 0 to 9, got -1 to 3"),
        (np.full((2, 8), np.nan), np.zeros(2, np.int64), "finite x and y"),
    ],
)
def test_images_are_validated(pixels: object, labels: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Examples(pixels, labels, 10)  # type: ignore[arg-type]


def test_images_have_a_length_and_slices() -> None:
    images = make_images(12)
    assert len(images) == 12
    assert images[3:5].y.tolist() == [3, 4]
    assert np.array_equal(images[np.array([7, 1])].x, images.x[[7, 1]])


def test_sha256_is_of_pixels_labels_and_shape() -> None:
    images = make_images(3)
    content = images.x.tobytes() + images.y.tobytes() + b"(3, 28, 28)"
    assert images.sha256 == hashlib.sha256(content).hexdigest()


def test_sha256_does_not_depend_on_memory_layout() -> None:
    images = make_images(6)
    columns_first = Examples(np.asfortranarray(images.x), np.repeat(images.y, 2)[::2], 10)
    assert columns_first.sha256 == images.sha256


def test_sha256_changes_with_one_pixel_or_label() -> None:
    images = make_images(3)
    pixels, labels = images.x.copy(), images.y.copy()
    pixels[2, 27, 27] ^= 1
    labels[0] = 9
    digests = {Examples(p, v, 10).sha256 for p in (images.x, pixels) for v in (images.y, labels)}
    assert len(digests) == 4


@pytest.mark.parametrize(("n", "validation"), [(10, 1), (19, 1), (20, 2), (1297, 129)])
def test_last_tenth_is_validation(n: int, validation: int) -> None:
    images = make_images(n)
    fit, held_out = split_validation(images)
    assert len(held_out) == validation
    assert np.array_equal(np.concatenate([fit.x, held_out.x]), images.x)
    assert np.array_equal(np.concatenate([fit.y, held_out.y]), images.y)


def test_too_few_images_to_split() -> None:
    with pytest.raises(ValueError, match="expected at least 10 examples to split, got 9"):
        split_validation(make_images(9))


def test_folders_are_searched_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given, named = tmp_path / "given", tmp_path / "named"
    given.mkdir()
    named.mkdir()
    monkeypatch.setenv("BDLBENCH_DATA", str(named))
    folders = search_folders(given)
    assert folders[:2] == (given, named)
    assert len(folders) == 3
    assert folders[2].name == "bdlbench"


def test_by_default_only_the_cache_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BDLBENCH_DATA", raising=False)
    (cache,) = search_folders()
    monkeypatch.setenv("BDLBENCH_DATA", "")
    assert search_folders() == (cache,)


def test_a_missing_folder_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BDLBENCH_DATA", raising=False)
    with pytest.raises(DataError, match=r"--data-dir to name a folder, got .*nowhere") as caught:
        search_folders(tmp_path / "nowhere")
    assert "\n" not in str(caught.value)
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("BDLBENCH_DATA", str(file))
    with pytest.raises(DataError, match=r"BDLBENCH_DATA to name a folder, got .*file"):
        search_folders()


def test_the_digest_tells_types_and_classes_apart() -> None:
    x, y = np.zeros((4, 2, 2), np.uint8), np.zeros(4, np.int64)
    found = [
        Examples(x, y, 10),
        Examples(x, y, 2),
        Examples(x, y),
        Examples(x, np.zeros(4)),
        Examples(x.astype(np.float32), y, 10),
        Examples(np.zeros((4, 4), np.uint8), y, 10),
    ]
    assert len({examples.sha256 for examples in found}) == len(found)


def test_inputs_without_labels_and_real_targets() -> None:
    unlabelled, real = Examples(np.zeros((3, 2))), Examples(np.zeros((3, 2)), np.ones(3))
    assert (unlabelled.real, unlabelled.y.tolist()) == (False, [0, 0, 0])
    assert unlabelled.x.dtype == np.float32
    assert (real.real, real.classes) == (True, None)
