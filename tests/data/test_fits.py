"""Data sets of a task that do not fit together are named in one line."""

from __future__ import annotations

import numpy as np
import pytest

from bdlbench.data.examples import Examples
from bdlbench.data.fits import check_sets
from bdlbench.errors import DataError

X = np.random.default_rng(0).normal(size=(12, 3))
TRAIN, TEST = Examples(X, np.arange(12) % 3, 3), Examples(X[:6] + 1, np.arange(6) % 3, 3)
FAULTS = {
    "empty": (TRAIN, {"test": TEST, "far": Examples(X[:0])}, "examples in the far set, got none"),
    "no training": (TRAIN[:0], {"test": TEST}, "expected training examples, got none"),
    "same": (TRAIN, {"test": TEST, "far": Examples(TEST.x)}, "far is the test set.*AUROC is 0.5"),
    "width": (
        TRAIN,
        {"test": TEST, "far": Examples(X[:, :2])},
        r"of the far set like .* float32 \(n, 3\), got float32 \(n, 2\)",
    ),
    "type": (TRAIN, {"test": Examples(TEST.x.astype(np.uint8), TEST.y, 3)}, r"got uint8 \(n, 3\)"),
    "class": (
        TRAIN[TRAIN.y != 1],
        {"test": TEST},
        "class 1 occurs in the test set, but not in training",
    ),
    "shift": (
        TRAIN[TRAIN.y != 1],
        {"test": TEST[TEST.y != 1], "shift-far": TEST},
        "class 1 occurs in the shift-far set",
    ),
    "kind": (
        TRAIN,
        {"test": Examples(X, X[:, 0].astype(np.float64))},
        "expected 3 classes in the test set, as in training, got real targets",
    ),
    "classes": (
        Examples(X, np.arange(12) % 3, 300),
        {"test": Examples(X + 1, np.arange(12) % 3, 300)},
        "expected at most 256 classes, got 300",
    ),
    "no labels": (Examples(X), {"test": Examples(X + 1)}, "has inputs without labels; give cl"),
}


@pytest.mark.parametrize(("train", "sets", "message"), FAULTS.values(), ids=FAULTS.keys())
def test_what_does_not_fit_is_named(
    train: Examples, sets: dict[str, Examples], message: str
) -> None:
    with pytest.raises(DataError, match=f"^mine: .*{message}") as caught:
        check_sets("mine", train, sets)
    assert "\n" not in str(caught.value)


def test_what_fits_passes() -> None:
    far = Examples(X * 9, np.arange(12) % 7, 7)  # its labels do not matter
    check_sets("mine", TRAIN, {"test": TEST, "shift-near": TEST[:3], "far": far})
    check_sets("mine", TRAIN, {"validation": TEST})
