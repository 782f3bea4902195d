from __future__ import annotations

import itertools
import os
from typing import Any

import numpy as np
import pytest
from matplotlib.ft2font import FT2Font
from scipy.ndimage import center_of_mass
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score

from bdlbench import registry
from bdlbench.data.examples import Examples, search_folders
from bdlbench.data.glyphs import (
    FACES,
    LETTERS,
    SIDE,
    block_counts,
    font_path,
    glyphs,
    letter_bitmaps,
    upsample,
)

needs_data = pytest.mark.skipif(
    not os.environ.get("BDLBENCH_DATA"), reason="BDLBENCH_DATA names no folder with the real files"
)


def load(name: str, split: str = "test") -> Examples:
    images = registry.load("datasets", name)().load(split, ())
    assert isinstance(images, Examples)
    return images


@pytest.fixture(scope="module")
def mnist_letters() -> Examples:
    return load("mnist-letters")


@pytest.fixture(scope="module")
def letters() -> Examples:
    return load("letters")


@pytest.mark.parametrize("face", FACES)
def test_every_face_has_every_letter(face: str) -> None:
    font = FT2Font(str(font_path(face)))
    drawn = {font.get_char_index(ord(letter)) for letter in LETTERS}
    assert len(drawn) == 10
    assert 0 not in drawn  # the glyph of missing characters


def test_glyphs_are_centred_signed_distance_maps() -> None:
    for glyph in glyphs():
        rows, columns = (np.flatnonzero((glyph.distance > 0).any(axis=axis)) for axis in (1, 0))
        assert abs(rows[0] + rows[-1] - (SIDE - 1)) <= 1
        assert abs(columns[0] + columns[-1] - (SIDE - 1)) <= 1
        assert glyph.height == rows[-1] - rows[0] + 1
        # Distances of adjacent pixels differ by at most 1, or 2 across the outline.
        assert np.abs(np.diff(glyph.distance, axis=0)).max() <= 2


def test_the_mean_stroke_of_a_bar_is_its_width() -> None:
    # A sans-serif I is a bar of one width w and height h: 2wh / (2w + 2h - 4).
    glyph = glyphs()[LETTERS.index("I")]
    width = np.count_nonzero((glyph.distance > 0).any(axis=0))
    expected = 2 * width * glyph.height / (2 * width + 2 * glyph.height - 4)
    assert glyph.stroke == pytest.approx(expected)


def test_strokes_have_the_requested_width() -> None:
    # Without spread every letter has the same stroke, relative to its own height; those that are
    # narrower than asked are thickened, so only the turned bounding box adds to the height.
    bitmaps, labels = letter_bitmaps(copies=1, stroke=0.2, spread=0.0, seed=0)
    plain = [bitmap for bitmap, label in zip(bitmaps, labels, strict=True) if label == 8]
    ink = [np.count_nonzero(np.asarray(bitmap)) / bitmap.height**2 for bitmap in plain]
    assert min(ink) == pytest.approx(0.2, abs=0.025)  # of the I without serifs


def test_bitmaps_are_bilevel_and_not_truncated() -> None:
    bitmaps, labels = letter_bitmaps(copies=2, stroke=0.25, spread=0.0, seed=1)
    assert np.bincount(labels).tolist() == [2 * len(FACES)] * 10
    assert all(set(np.unique(np.asarray(bitmap))) <= {0, 255} for bitmap in bitmaps)
    assert max(max(bitmap.size) for bitmap in bitmaps) < SIDE - 4


def test_blocks_count_their_pixels() -> None:
    bitmaps = np.zeros((2, 32, 32), np.bool_)
    bitmaps[0, :4, 4:8] = True  # the whole of block (0, 1)
    bitmaps[1, 30, 29:] = True  # three pixels of block (7, 7)
    counts = block_counts(bitmaps)
    assert counts.shape == (2, 8, 8)
    assert (counts[0, 0, 1], counts[1, 7, 7], counts.sum()) == (16, 3, 19)


def test_upsampling_is_bilinear() -> None:
    assert (upsample(np.full((1, 8, 8), 16, np.uint8)) == 255).all()
    # A ramp of 16 levels over 8 columns stays one; pixel centres lie at (i + 1/2) * 8/28 - 1/2.
    ramp = np.tile(np.arange(0, 16, 2, dtype=np.uint8), (1, 8, 1))
    centres = np.clip((np.arange(28) + 0.5) * 8 / 28 - 0.5, 0, 7)
    expected = np.tile(2 * centres * 255 / 16, (28, 1))
    np.testing.assert_allclose(upsample(ramp)[0], expected, atol=1.01)


def test_digits_equal_scikit_learns() -> None:
    train, test = load("digits", "train"), load("digits")
    assert (len(train), len(test)) == (1297, 500)
    theirs = load_digits()
    labels = np.concatenate([train.y, test.y])
    assert np.array_equal(labels, theirs.target)
    pixels = np.concatenate([train.x, test.x])
    means = theirs.images.mean(axis=(1, 2)) * 255 / 16
    # Upsampling weights outer and inner pixels equally.
    np.testing.assert_allclose(pixels.mean(axis=(1, 2)), means, atol=4)


def test_no_digit_is_both_in_training_and_in_test() -> None:
    train, test = ({image.tobytes() for image in load("digits", s).x} for s in ("train", "test"))
    assert len(train) == 1297
    assert train.isdisjoint(test)


@pytest.mark.parametrize(("name", "size"), [("letters", 1100), ("mnist-letters", 1980)])
def test_letters_are_balanced_and_in_random_order(
    request: pytest.FixtureRequest, name: str, size: int
) -> None:
    images: Examples = request.getfixturevalue(name.replace("-", "_"))
    assert np.bincount(images.y).tolist() == [size // 10] * 10
    assert (np.diff(images.y) % 10 > 1).mean() > 0.5  # sorted neither by letter nor by face
    assert len({image.tobytes() for image in images.x}) > 0.99 * size


@pytest.mark.parametrize("name", ["letters", "mnist-letters"])
def test_letters_are_deterministic_and_do_not_use_global_random_state(
    request: pytest.FixtureRequest, name: str
) -> None:
    first: Examples = request.getfixturevalue(name.replace("-", "_"))
    np.random.seed(123)  # noqa: NPY002 -- a user's seed must neither matter nor be moved
    before = np.random.get_state()[1]  # type: ignore[index]  # noqa: NPY002
    assert load(name).sha256 == first.sha256
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index]  # noqa: NPY002


@pytest.mark.parametrize("name", ["letters", "mnist-letters"])
def test_letters_of_one_kind_look_alike(request: pytest.FixtureRequest, name: str) -> None:
    # The ten mean letters differ, and most letters are closest to their own.
    images: Examples = request.getfixturevalue(name.replace("-", "_"))
    pixels = images.x.reshape(len(images), -1).astype(np.float64)
    half = len(images) // 2
    means = np.stack([pixels[:half][images.y[:half] == label].mean(axis=0) for label in range(10)])
    distances = ((pixels[half:, None] - means) ** 2).sum(axis=2)
    assert (distances.argmin(axis=1) == images.y[half:]).mean() > 0.8


def test_letters_have_the_mean_intensity_and_margins_of_the_digits(letters: Examples) -> None:
    digits = load("digits", "train")
    assert letters.x.mean() == pytest.approx(digits.x.mean(), rel=0.05)
    for images in (letters, digits):
        assert images.x[:, :, [0, 27]].mean() < 10  # the outer columns are nearly empty
        assert images.x[:, [0, 27]].mean() > 60  # the outer rows are not


def test_mnist_letters_fill_20_pixels_and_are_centred_by_mass(mnist_letters: Examples) -> None:
    for image in mnist_letters.x[:300]:
        rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
        # A box of 20 leaves 4 pixels on either side.
        edges = {0, 27} & {*rows.tolist(), *columns.tolist()}
        assert edges or np.abs(np.array(center_of_mass(image)) - 13.5).max() <= 0.51


def test_mnist_letters_are_anti_aliased_on_a_black_background(mnist_letters: Examples) -> None:
    assert (mnist_letters.x == 0).mean() > 0.7
    inked = mnist_letters.x[mnist_letters.x > 0]
    assert 0.2 < (inked == 255).mean() < 0.8


@needs_data
def test_pixel_statistics_do_not_distinguish_letters_from_mnist(
    mnist_letters: Examples,
) -> None:
    digits = registry.load("datasets", "mnist")().load("test", search_folders())
    statistics: dict[str, Any] = {
        "mean intensity": lambda pixels: pixels.mean(axis=(1, 2)),
        "non-zero fraction": lambda pixels: (pixels > 0).mean(axis=(1, 2)),
    }
    is_letter = np.repeat([0, 1], [len(digits), len(mnist_letters)])
    for name, statistic in statistics.items():
        scores = [statistic(images.x) for images in (digits, mnist_letters)]
        auroc = roc_auc_score(is_letter, np.concatenate(scores))
        assert max(auroc, 1 - auroc) < 0.70, name


@pytest.mark.parametrize(
    ("name", "split"),
    [("digits", "validation"), *itertools.product(["letters", "mnist-letters"], ["train", ""])],
)
def test_unknown_splits_are_refused(name: str, split: str) -> None:
    with pytest.raises(ValueError, match=f"expected a split of .*, got '{split}'"):
        load(name, split)
