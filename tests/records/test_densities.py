"""Stored densities: saved, read, and refused where they are wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from bdlbench.errors import RecordError
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import Predictions, read, save

if TYPE_CHECKING:
    from pathlib import Path

GOOD = Densities(
    location=np.arange(12, dtype="f4").reshape(3, 4),
    scale=np.full((3, 1), 0.5, "f4"),
    df=np.array(4.0),
    targets=np.arange(4.0),
    epochs=np.array([1.0, 2.0, 3.0]),
)
FAR = replace(GOOD, scale=np.full((3, 4), 2, "f4"), epochs=None)


def test_densities_round_trip_and_their_bytes_are_reproducible(tmp_path: Path) -> None:
    save(tmp_path / "a", {"test": GOOD, "far": FAR})
    by_column = replace(GOOD, location=np.asfortranarray(GOOD.location))
    save(tmp_path / "b", {"far": FAR, "test": by_column})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    found = read(tmp_path / "a")
    for name, expected in (("test", GOOD), ("far", FAR)):
        for field, array in vars(expected).items():
            actual = vars(found[name])[field]
            assert (actual is None) == (array is None), field
            if array is not None:
                np.testing.assert_array_equal(actual, array, strict=True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"location": GOOD.location.astype("f8")}, "location of type float32, got float64"),
        ({"location": GOOD.location[0]}, r"location \(draws, inputs\), got shape"),
        ({"location": GOOD.location[:, :0]}, r"location \(draws, inputs\), got shape"),
        ({"location": GOOD.location * np.float32(np.nan)}, "finite location"),
        ({"scale": GOOD.scale[:2]}, r"scale \(3, 4\), got shape \(2, 1\)"),
        ({"scale": 0 * GOOD.scale}, "scale and df above 0"),
        ({"df": np.array(-1.0)}, "scale and df above 0"),
        ({"df": np.array(np.nan)}, "scale and df above 0"),
        ({"df": np.ones(1)}, r"df \(\) and targets \(4,\)"),
        ({"targets": GOOD.targets[:3]}, r"df \(\) and targets \(4,\)"),
        ({"targets": GOOD.targets + np.inf}, "finite targets"),
        ({"epochs": np.array([1.0, 3.0, 2.0])}, "finite and never decrease"),
        ({"epochs": np.arange(2.0)}, r"epochs \(3,\)"),
    ],
)
def test_wrong_densities_are_refused(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        replace(GOOD, **changes)
    arrays = {f"test/{name}": array for name, array in {**vars(GOOD), **changes}.items()}
    np.savez(tmp_path / "p.npz", **arrays)
    with pytest.raises(RecordError, match=message) as caught:
        read(tmp_path / "p.npz")
    assert "\n" not in str(caught.value)


def test_missing_and_foreign_arrays_are_refused(tmp_path: Path) -> None:
    arrays = {f"test/{name}": array for name, array in vars(GOOD).items()}
    wrong: list[dict[str, Any]] = [
        {key: array for key, array in arrays.items() if key != "test/df"},
        {**arrays, "test/votes": GOOD.targets},
        {**arrays, "test/df": np.array({}, dtype=object)},
    ]
    for content in wrong:
        np.savez(tmp_path / "p.npz", **content)
        with pytest.raises(RecordError, match=r"expected (arrays|numbers)"):
            read(tmp_path / "p.npz")


def test_a_file_holds_predictions_of_one_kind(tmp_path: Path) -> None:
    log_p = np.log(np.full((4, 2), 0.5)).astype("f4")
    classes = Predictions(log_p, np.zeros(4, "f4"), np.zeros((3, 4), "u1"), np.zeros(4, np.int64))
    with pytest.raises(ValueError, match="expected sets of one kind"):
        save(tmp_path / "p", {"test": GOOD, "far": classes})


def test_corrupt_files_are_record_errors_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "p"
    save(path, {"test": GOOD})
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for position in rng.choice(len(whole), 100, replace=False):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << rng.integers(8)
        path.write_bytes(bytes(flipped))
        try:
            found = read(path)["test"]
        except RecordError:
            continue
        np.testing.assert_array_equal(vars(found)["location"], GOOD.location)
