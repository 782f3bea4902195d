"""The default task: mnist if its data is available, else digits, never silently."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bdlbench.comparison import table
from bdlbench.comparison.compare import compare
from bdlbench.data import download, examples
from bdlbench.data.examples import Examples
from bdlbench.errors import DataError, DataMissing
from bdlbench.runs import plan, task_data

NEEDED = [("train", "mnist"), ("test", "mnist"), ("test", "notmnist")]


@pytest.fixture(autouse=True)
def downloads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Block downloads and the user's data; return the names of the requested files."""
    requested: list[str] = []

    def fetch(urls: Sequence[str], target: Path, md5: str) -> None:
        requested.append(target.name)
        raise DataMissing(f"{target.name} could not be downloaded")

    monkeypatch.setattr(download, "fetch", fetch)
    monkeypatch.delenv("BDLBENCH_DATA", raising=False)
    monkeypatch.setattr(examples, "user_cache", lambda: tmp_path / "cache")
    return requested


def choose(task: str | None, folder: Path | None = None) -> tuple[str, str]:
    setup, note = plan.set_up(task, None, None, "test", folder, "results", "cpu")
    return setup.task.name, note


@pytest.mark.parametrize("missing", [None, *NEEDED])
def test_mnist_is_the_default_if_all_of_its_data_is_available(
    monkeypatch: pytest.MonkeyPatch, missing: tuple[str, str] | None
) -> None:
    def load(split: str, name: str, folders: Sequence[Path]) -> Examples:
        if (split, name) == missing:
            raise DataMissing("not here")
        return Examples(np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.int64), 10)

    monkeypatch.setattr(task_data, "load", load)
    expected = ("mnist", "task mnist, since its data is available")
    if missing:
        expected = ("digits", f"data set {missing[1]} is not available: {plan.EMBEDDED}")
    assert choose(None) == expected
    assert choose("mnist") == ("mnist", "")
    assert choose("digits") == ("digits", "")


def test_without_its_data_the_default_is_digits_and_a_note_says_so(
    tmp_path: Path, downloads: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    found = compare(
        ["sgd"], model="softmax", epochs=3, seeds=1, jobs=1, results=tmp_path, quiet=False
    )
    assert found.setup.task.name == "digits"
    assert downloads == ["train-images-idx3-ubyte.gz"], "mnist was requested once"
    note = "data set mnist is not available"
    assert table.title(found) == f"digits · softmax · 3 epochs · test set · 1 seed ({note})"
    said, *_ = capsys.readouterr().err.splitlines()
    assert said == f"{note}: comparing on the embedded task digits; see bdlbench doctor"
    assert len(said) <= 120


def test_the_cause_is_logged_for_debugging(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "bdlbench"):
        choose(None)
    (line,) = caplog.messages
    assert line.startswith("train-images-idx3-ubyte.gz could not be downloaded, and is not in ")
    assert str(tmp_path / "cache") in line


def test_an_explicit_mnist_is_not_replaced(tmp_path: Path, downloads: list[str]) -> None:
    with pytest.raises(DataMissing, match=r"^MNIST is not on disk .* --data-dir"):
        compare(["sgd"], task="mnist", jobs=1, results=tmp_path)
    assert downloads == ["train-images-idx3-ubyte.gz"]


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x1f\x8b cut short"])
def test_a_corrupt_file_is_an_error_without_fallback(
    tmp_path: Path, downloads: list[str], content: bytes
) -> None:
    corrupt = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte.gz"
    corrupt.parent.mkdir(parents=True)
    corrupt.write_bytes(content)
    (corrupt.parent / "train-labels-idx1-ubyte.gz").write_bytes(b"")
    with pytest.raises(DataError, match=f"{corrupt}: expected .*delete it") as caught:
        choose(None, tmp_path)
    assert not isinstance(caught.value, DataMissing)
    assert downloads == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": float("inf")}, "epochs: expected a number > 0 up to 1e9, got inf"),
        ({"draws": 0}, "draws: expected a positive integer, got 0"),
        ({"split": "train"}, "expected --split test or validation, got 'train'"),
        ({"model": "resnet"}, "no model 'resnet'"),
        ({"device": "tpu"}, "expected --device auto, cpu, cuda, got 'tpu'"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, Any], message: str) -> None:
    arguments = {"model": None, "epochs": None, "split": "test", "device": "cpu"} | options
    with pytest.raises(Exception, match=message):
        plan.set_up("digits", data_dir=None, results="results", **arguments)
