from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from bdlbench.data import arrays
from bdlbench.errors import DataError

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 3)), np.arange(40) % 4


def test_arrays_are_divided_at_random() -> None:
    data = arrays(X, Y, classes=4, test=0.25)
    train, test = data.load("train", ()), data.load("test", ())
    assert (len(train), len(test), train.classes) == (30, 10, 4)
    order = {row.tobytes(): label for row, label in zip(X.astype(np.float32), Y, strict=True)}
    for part in (train, test):
        assert part.y.tolist() == [order[row.tobytes()] for row in part.x]
    assert len({row.tobytes() for row in np.concatenate([train.x, test.x])}) == 40


def test_a_test_set_of_its_own_and_names_of_classes() -> None:
    names = np.array(["cat", "dog", "eel", "fox"])[Y]
    data = arrays(X[:30], names[:30], x_test=X[30:], y_test=names[30:], classes="auto")
    train, test = data.load("train", ()), data.load("test", ())
    assert (train.y.tolist(), test.y.tolist()) == (Y[:30].tolist(), Y[30:].tolist())
    assert np.array_equal(test.x, np.float32(X[30:]))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        *((np.float16, np.float32), (np.float64, np.float32), (np.bool_, np.float32)),
        *((np.uint8, np.uint8), (np.int32, np.int64), (np.int16, np.int64)),
    ],
)
def test_types_of_inputs(given: type, expected: type) -> None:
    x: NDArray[Any] = np.abs(X * 9).astype(given)
    assert arrays(x, test=1).load("test", ()).x.dtype == expected


def test_real_targets_may_be_of_any_float_type() -> None:
    found = arrays(X, X[:, 0].astype(np.float32)).load("train", ())
    assert (found.real, found.y.dtype.name) == (True, "float64")


def test_a_file_with_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=X[:30], y=Y[:30], x_test=X[30:], y_test=Y[30:])
    found = arrays(tmp_path / "mine.npz", classes=4).load("test", ())
    assert (found.y.tolist(), found.classes) == (Y[30:].tolist(), 4)
    assert np.array_equal(found.x, np.float32(X[30:]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"x": X, "y": Y}, "target y: 4 different integers; give classes"),
        ({"x": X, "y": Y, "classes": 3}, "target y: expected class numbers 0 to 2, got 0 to 3"),
        ({"x": X, "y": Y / 2, "classes": 3}, "expected class numbers 0 to 2, got 0.0 to 1.5"),
        ({"x": X, "y": Y, "classes": True}, "expected classes="),
        ({"x": X, "y": Y, "classes": [3]}, "two or more different classes, got"),
        ({"x": X, "y": X[:, 0], "classes": "auto"}, "40 different numbers; give classes=False"),
        ({"x": X, "y": X[:, :1]}, r"expected y of shape \(40,\), got \(40, 1\)"),
        ({"x": X, "y": Y[:9], "classes": 4}, r"expected y of shape \(40,\), got \(9,\)"),
        ({"x": X.astype(complex)}, "type uint8, int64 or float32, got complex128"),
        ({"x": X.astype(np.uint16), "test": 1}, "type uint8, int64 or float32, got uint16"),
        ({"x": X[:, 0]}, r"inputs \(n, …\) .*got float32 \(40,\)"),
        ({"x": np.where(X > 1, np.nan, X), "test": 1}, "expected finite x and y"),
        ({"x": X, "y": Y, "x_test": X, "classes": 4}, "both y and y_test, or neither"),
        ({"x": X, "x_test": X[:, :2]}, r"x_test of shape \(n, 3\), got \(40, 2\)"),
        ({"x": X[:11], "test": 0.5}, "at least 10 training examples, got 5"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        arrays(**options).load("train", ())


def test_bad_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, images=X)
    with pytest.raises(DataError, match=r"mine\.npz: expected an array x, got images"):
        arrays(path).load("test", ())
    for content in (b"", b"hello"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"mine\.npz: expected an \.npz file with x and y"):
            arrays(path).load("test", ())
