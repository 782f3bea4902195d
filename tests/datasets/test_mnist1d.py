from __future__ import annotations

import numpy as np
import pytest

from bdlbench import registry
from bdlbench.data.examples import Examples
from bdlbench.errors import PluginError
from bdlbench.settings import parse

STILL = "scale=0,translation=1,smooth_noise=0,white_noise=0,shear=0"


def load(split: str = "test", settings: str = "") -> Examples:
    spec = parse(f"mnist1d:{settings}" if settings else "mnist1d")
    examples: Examples = registry.create("datasets", spec).load(split, ())
    return examples


@pytest.fixture(scope="module")
def plain() -> Examples:
    return load()


def test_sequences_are_balanced_and_fixed(plain: Examples) -> None:
    train = load("train")
    assert (train.x.shape, plain.x.shape) == ((4000, 1, 40), (1000, 1, 40))
    assert np.bincount(train.y).tolist() == [400] * 10
    assert np.bincount(plain.y).tolist() == [100] * 10
    assert load().sha256 == plain.sha256


def test_without_knobs_a_sequence_is_its_padded_template(plain: Examples) -> None:
    still = load(settings=STILL).x[:, 0]
    assert np.array_equal(load(settings=STILL).y, plain.y)
    # 12 of 48 to 72 points are the digit, stretched: beyond 12/48 of the length there are zeros.
    assert not still[:, 11:].any()
    zeros = still[plain.y == 0]
    assert (zeros.max(axis=1) == zeros[:, 1:9].max(axis=1)).all()
    # A zero's heights are 5 to 7, of standard deviation 0.66: its top is (7 - 5)/(6 · 0.66).
    heights = np.array([5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5])
    top = (7 - 5) / (6 * heights.std())
    assert zeros.max() == pytest.approx(top, abs=1e-5)
    assert zeros.max(axis=1).min() > 0.9 * top, "sampled at 40 points, it may be missed"


def test_each_knob_changes_what_it_says() -> None:
    still = load(settings=STILL).x[:, 0]

    def changed(knob: str) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        name = knob.partition("=")[0]
        others = [one for one in STILL.split(",") if not one.startswith(name)]
        x: np.ndarray[tuple[int, int], np.dtype[np.float32]] = load(
            settings=",".join([*others, knob])
        ).x[:, 0]
        return x

    high = still.max(axis=1) > 0.1
    ratio = changed("scale=1").max(axis=1)[high] / still.max(axis=1)[high]
    assert 0.5 <= ratio.min() < 0.55
    assert 1.45 < ratio.max() <= 1.5
    assert changed("translation=48")[:, 15:].any(axis=1).mean() > 0.5
    slope = changed("shear=1") - still
    assert np.allclose(np.diff(slope, axis=1), np.diff(slope, axis=1)[:, :1], atol=4e-6)
    assert 0.9 < np.ptp(slope[:, -1] - slope[:, 0]) <= 1
    white = changed("white_noise=0.1") - still
    # At 40 of 72 points, linear interpolation averages two of them: at most the given deviation.
    assert 0.05 < white.std() < 0.1
    smooth = changed("smooth_noise=1") - still
    # The digit itself, the first tenth of a sequence, has no such noise; the end has.
    assert not smooth[:, 1:6].any()
    assert smooth[:, -20:].std() > 0.2


def test_a_shifted_test_set_has_the_same_sequences(plain: Examples) -> None:
    shifted = load(settings="shear=1.5")
    assert np.array_equal(shifted.y, plain.y)
    difference = (shifted.x - plain.x)[:, 0]
    assert np.allclose(np.diff(difference, n=2, axis=1), 0, atol=4e-6), "another slope, no more"


def test_wrong_settings_and_splits_are_refused() -> None:
    with pytest.raises(PluginError, match="expected translation from 1 to 72, got 0"):
        load(settings="translation=0")
    with pytest.raises(ValueError, match="expected a split of"):
        load("validation")
