from __future__ import annotations

import zipfile
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.special import log_softmax

from bdlbench.errors import RecordError
from bdlbench.records.predictions import Predictions, read, save

if TYPE_CHECKING:
    from pathlib import Path


def predictions(seed: int = 0, inputs: int = 6, classes: int = 4, draws: int = 3) -> Predictions:
    rng = np.random.default_rng(seed)
    return Predictions(
        log_probabilities=log_softmax(rng.normal(size=(inputs, classes)), axis=1).astype("f4"),
        expected_entropy=rng.uniform(0, np.log(classes), inputs).astype("f4"),
        votes=rng.integers(0, classes, (draws, inputs)).astype("u1"),
        labels=rng.integers(0, classes, inputs),
    )


def test_predictions_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    sets = {"test": predictions(0), "notmnist": predictions(1, inputs=5)}
    save(path, sets)
    found = read(path)
    assert found.keys() == sets.keys()
    for name in sets:
        for field in fields(Predictions):
            actual, expected = getattr(found[name], field.name), getattr(sets[name], field.name)
            np.testing.assert_array_equal(actual, expected, strict=True)


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = predictions(0), predictions(1)
    save(tmp_path / "a.npz", {"test": first, "ood": second})
    by_column = replace(first, log_probabilities=np.asfortranarray(first.log_probabilities))
    save(tmp_path / "b", {"ood": second, "test": by_column})
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}


def test_probabilities_are_renormalised_in_float64() -> None:
    log_p = np.log([[0.7004, 0.3], [0.5, 0.5]]).astype("f4")
    p = replace(predictions(inputs=2, classes=2), log_probabilities=log_p).probabilities
    assert p.dtype == np.float64
    np.testing.assert_allclose(p[0, 0] / p[0, 1], 0.7004 / 0.3, rtol=1e-6)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-15)


GOOD = predictions()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"log_probabilities": GOOD.log_probabilities.astype("f8")}, "float32, got float64"),
        ({"votes": GOOD.votes.astype("i8")}, "votes of type uint8, got int64"),
        ({"labels": GOOD.labels.astype("i4")}, "labels of type int64, got int32"),
        ({"log_probabilities": GOOD.log_probabilities[0]}, r"\(inputs, classes\), got shape"),
        ({"log_probabilities": GOOD.log_probabilities[:0]}, r"\(inputs, classes\), got shape"),
        ({"expected_entropy": GOOD.expected_entropy[:5]}, r"shape \(6,\), got \(5,\)"),
        ({"labels": GOOD.labels[:5]}, r"labels of shape \(6,\), got \(5,\)"),
        ({"votes": GOOD.votes[0]}, r"\(draws, ≤ 6\), got shape \(6,\)"),
        ({"votes": GOOD.votes[:, [0] * 7]}, r"\(draws, ≤ 6\), got shape \(3, 7\)"),
        ({"votes": GOOD.votes[:, :0]}, r"\(draws, ≤ 6\), got shape \(3, 0\)"),
        ({"votes": GOOD.votes[:0]}, r"\(draws, ≤ 6\), got shape \(0, 6\)"),
        ({"votes": GOOD.votes + np.uint8(4)}, "votes below 4"),
        ({"log_probabilities": GOOD.log_probabilities + np.float32(0.03)}, "sum to 1"),
        ({"log_probabilities": GOOD.log_probabilities * np.float32(np.inf)}, "finite"),
        ({"expected_entropy": GOOD.expected_entropy * np.float32(np.nan)}, "finite expected_ent"),
        ({"expected_entropy": GOOD.expected_entropy + np.float32(2)}, r"entropies in 0\.\.log 4"),
        ({"expected_entropy": -GOOD.expected_entropy}, r"entropies in 0\.\.log 4, got -"),
    ],
)
def test_wrong_arrays_are_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(GOOD, **changes)


def test_only_in_distribution_labels_must_be_classes(tmp_path: Path) -> None:
    letters = replace(GOOD, labels=GOOD.labels + 20)
    save(tmp_path / "p.npz", {"test": GOOD, "letters": letters})
    with pytest.raises(ValueError, match=r"labels of validation in 0\.\.3, got 2"):
        save(tmp_path / "q.npz", {"validation": letters})


@pytest.mark.parametrize("name", ["", "a.b", "a/b", "../up", "two words"])
def test_set_names_are_plain_words(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="set name"):
        save(tmp_path / "p.npz", {name: GOOD})
    with pytest.raises(ValueError, match="at least one set"):
        save(tmp_path / "p.npz", {})


HISTORY: dict[str, Any] = {
    "trace": np.zeros((3, 5), "f4"),
    "curve": np.full((2, 6, 4), np.log(0.25), "f2"),
    "epochs": np.arange(3.0),
}


def test_a_history_round_trips(tmp_path: Path) -> None:
    whole = replace(GOOD, **HISTORY)
    save(tmp_path / "p.npz", {"test": whole, "letters": GOOD})
    found = read(tmp_path / "p.npz")
    for name, array in HISTORY.items():
        np.testing.assert_array_equal(getattr(found["test"], name), array, strict=True)
        assert getattr(found["letters"], name) is None


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("trace", np.zeros((2, 5), "f4"), r"expected trace \(3, 5\)"),
        ("trace", np.zeros((3, 7), "f4"), r"expected trace \(3, 6\)"),
        ("trace", np.zeros((3, 5), "f8"), "of float32, got"),
        ("trace", np.full((3, 5), np.nan, "f4"), "trace without NaN"),
        ("curve", np.zeros((2, 6, 4), "f2"), "in curve that sum to 1"),
        ("epochs", np.array([1.0, 3.0, 2.0]), "finite and never decrease"),
        ("epochs", np.array([1.0, 3.0, np.inf]), "finite and never decrease"),
        ("curve", np.zeros((3, 6, 4), "f2"), r"expected curve \(2, 6, 4\)"),
        ("epochs", np.arange(2.0), r"expected epochs \(3,\)"),
        ("epochs", None, "expected epochs .*, got None"),
    ],
)
def test_a_wrong_history_is_refused(name: str, array: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(GOOD, **{**HISTORY, name: array})


def written(arrays: dict[str, Any], path: Path) -> Path:
    np.savez(path, **arrays)
    return path


ARRAYS = {f"test/{name}": array for name, array in vars(GOOD).items() if array is not None}


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "at least one set"),
        ({k: v for k, v in ARRAYS.items() if "votes" not in k}, "expected arrays"),
        (ARRAYS | {"test/extra": GOOD.labels}, "expected arrays"),
        (ARRAYS | {"labels": GOOD.labels}, "expected arrays"),
        (
            ARRAYS | {"test/labels": np.array([{}] * 6, dtype=object)},
            r"expected numbers in 'test/labels\.npy', got type object",
        ),
        (ARRAYS | {"test/votes": GOOD.votes[:, [0] * 7]}, r"\(draws, ≤ 6\)"),
        (ARRAYS | {"test/labels": GOOD.labels + 4}, r"labels of test in 0\.\.3"),
        ({k.replace("test", "a b"): v for k, v in ARRAYS.items()}, "set name"),
    ],
)
def test_a_wrong_archive_is_a_record_error(
    tmp_path: Path, arrays: dict[str, Any], message: str
) -> None:
    path = written(arrays, tmp_path / "predictions.npz")
    with pytest.raises(RecordError, match=message) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_archive_that_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "predictions.npz"
    save(path, {"test": GOOD})
    monkeypatch.setattr("bdlbench.records.predictions.LARGEST_FILE", 100)
    with pytest.raises(RecordError, match="at most 100 bytes, got"):
        read(path)


def test_files_of_other_formats_are_record_errors(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    for content in (b"", b"PK\x03\x04", b"\x80\x04N.", b"no archive"):
        path.write_bytes(content)
        with pytest.raises(RecordError, match=r"predictions\.npz"):
            read(path)
    with path.open("wb") as file:
        np.save(file, GOOD.labels)
    with pytest.raises(RecordError, match="not a zip file"):
        read(path)
    with pytest.raises(RecordError, match=r"absent\.npz"):
        read(tmp_path / "absent.npz")
    with zipfile.ZipFile(path, "w") as archive:
        for key in ARRAYS:
            archive.writestr(key, b"raw bytes")
    with pytest.raises(RecordError, match="expected arrays, got a file 'test/log_prob"):
        read(path)


def test_corruption_is_a_record_error_or_harmless(tmp_path: Path) -> None:
    path = tmp_path / "predictions.npz"
    save(path, {"test": GOOD})
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for position in rng.choice(len(whole), 300, replace=False):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << rng.integers(8)
        for corrupt in (bytes(flipped), whole[:position]):
            path.write_bytes(corrupt)
            try:
                found = read(path)["test"]
            except RecordError:
                refused += 1
            else:  # a bit in a date or another unused field
                np.testing.assert_array_equal(found.log_probabilities, GOOD.log_probabilities)
    assert refused > 450  # all 300 truncations and at least half of the flips
