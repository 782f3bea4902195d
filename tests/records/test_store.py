from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bdlbench.errors import RecordError
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.storage import documents, files
from tests import synthetic

RECORD = replace(
    synthetic.record(settings={"learning_rate": 0.1, "steps": None}),
    run="sgd-digits-0-abc",
    reason="θ ✓",
    epochs=0.1 + 0.2,
    draws=1,
    metrics={"accuracy": 0.9, "ood.letters.auroc": 1 / 3},
)
SETS = {
    "test": Predictions(
        log_probabilities=np.log(np.full((4, 10), 0.1, np.float32)),
        expected_entropy=np.full(4, 2.0, np.float32),
        votes=np.zeros((2, 4), np.uint8),
        labels=np.arange(4),
    )
}


def everything(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_run_round_trips(tmp_path: Path) -> None:
    written = store.write(tmp_path, RECORD, SETS)
    folder = store.folder_of(tmp_path, RECORD.run)
    assert store.read(folder) == written
    assert replace(written, predictions_sha256="") == RECORD
    found = store.read_predictions(folder, written)
    assert list(found) == ["test"]
    for name, array in vars(SETS["test"]).items():
        np.testing.assert_array_equal(getattr(found["test"], name), array, strict=True)
    names = ["predictions.npz", "record.json"]
    assert sorted(everything(tmp_path)) == [f"runs/{RECORD.run}/{name}" for name in names]


def test_a_later_run_replaces_an_earlier_one(tmp_path: Path) -> None:
    store.write(tmp_path, RECORD, SETS)
    later = store.write(tmp_path, replace(RECORD, outcome="diverged", metrics={}), {})
    assert store.find(tmp_path, RECORD.run) == later
    assert later.predictions_sha256 == ""
    assert list(everything(tmp_path)) == [f"runs/{RECORD.run}/record.json"]


FULL = OSError(28, "No space left on device")
CRASHES = [
    (owner, function, error, after, earlier)
    for owner, function, after in [
        (np, "save", 0),
        (documents, "to_json", 0),
        (Path, "write_text", 0),
        (os, "fsync", 0),
        (os, "fsync", 1),
        (Path, "rename", 0),
        (Path, "rename", 1),
    ]
    for error in (FULL, MemoryError(), KeyboardInterrupt())
    for earlier in (True, False)
    if earlier or (function, after) != ("rename", 1)  # a second rename only replaces an earlier run
]


@pytest.mark.parametrize(("owner", "function", "error", "after", "earlier"), CRASHES)
def test_a_crash_changes_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    function: str,
    error: BaseException,
    after: int,
    earlier: bool,
) -> None:
    calls: list[str] = []
    original = getattr(owner, function)

    def fail(*arguments: Any, **keywords: Any) -> Any:
        calls.append(function)
        if len(calls) == after + 1:
            raise error
        return original(*arguments, **keywords)

    if earlier:
        store.write(tmp_path, RECORD, SETS)
    before = everything(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(owner, function, fail)
        with pytest.raises((RecordError, MemoryError, KeyboardInterrupt)) as caught:
            store.write(tmp_path, replace(RECORD, seed=1), SETS)
    assert everything(tmp_path) == before
    if error is FULL:
        assert str(caught.value).startswith(f"cannot write to {tmp_path} (No space left on device)")
    store.write(tmp_path, replace(RECORD, seed=2), SETS)
    assert store.find(tmp_path, RECORD.run).seed == 2, "the next write succeeds"


def test_files_left_by_a_killed_process_are_ignored(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for end in ("partial", "old"):
        left = runs / f".{RECORD.run}.{os.getpid()}.{end}"  # in a container, process ids repeat
        left.mkdir(parents=True)
        (left / "record.json").write_text(documents.to_json(RECORD.content()))
        (left / "half.npz").write_text("PK")
    (runs / f".probe-{os.getpid()}").touch()
    prefix = RECORD.run.rpartition("-")[0]
    with pytest.raises(RecordError, match=r"got none$"):
        store.find(tmp_path, prefix)
    store.check_writable(tmp_path)
    for seed in (1, 2):
        store.write(tmp_path, replace(RECORD, seed=seed), SETS)
        assert store.find(tmp_path, prefix).seed == seed
    assert len(everything(tmp_path)) == 2


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_nonfinite_metric_is_refused(tmp_path: Path, value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        store.write(tmp_path, replace(RECORD, metrics={"accuracy": value}), SETS)
    assert not everything(tmp_path)


@pytest.mark.parametrize(
    ("run", "found"),
    [
        ("sgd-digits-0-aa", "sgd-digits-0-aa"),
        ("sgd-digits-0", "sgd-digits-0"),  # a full name that is also a prefix of others
        ("sgld", "sgld-digits-0-cc"),
        ("sgd-d", "sgd-digits-0, sgd-digits-0-aa, sgd-digits-0-bb"),
        ("s", "sgd-digits-0, sgd-digits-0-aa, sgd-digits-0-bb, sgld-digits-0-cc"),
        ("hmc", "none"),
        ("digits", "none"),
        (".hidden", "none"),
    ],
)
def test_find(tmp_path: Path, run: str, found: str) -> None:
    for name in ("sgd-digits-0", "sgd-digits-0-aa", "sgd-digits-0-bb", "sgld-digits-0-cc"):
        store.write(tmp_path, replace(RECORD, run=name), {})
    store.write(tmp_path, replace(RECORD, run=".hidden"), {})
    if found == "none" or ", " in found:
        with pytest.raises(RecordError) as caught:
            store.find(tmp_path, run)
        expected = f"expected one run in {tmp_path / 'runs'} that begins with {run!r}, got {found}"
        assert str(caught.value) == expected
    else:
        assert store.find(tmp_path, run).run == found
        folder = store.folder_of(tmp_path, found)
        assert store.find(Path("/nowhere"), str(folder)).run == found


def test_checking_a_writable_folder_leaves_nothing(tmp_path: Path) -> None:
    store.check_writable(tmp_path / "new")
    assert not list(tmp_path.iterdir())


def unwritable(tmp_path: Path) -> list[Path]:
    (tmp_path / "file").touch()
    return [tmp_path / "file", tmp_path / "file" / "results", *[Path("/proc/x")] * PROC]


PROC = Path("/proc/self").exists()  # not writable even for root


@pytest.mark.parametrize("index", range(2 + PROC))
def test_an_unwritable_folder_is_a_one_line_error(tmp_path: Path, index: int) -> None:
    results = unwritable(tmp_path)[index]
    for attempt in (
        lambda: store.check_writable(results),
        lambda: store.write(results, RECORD, SETS),
        lambda: files.write_file(results / "a.json", "{}"),
    ):
        with pytest.raises(RecordError) as caught:
            attempt()
        assert str(caught.value).startswith(f"cannot write to {results} (")
    assert (tmp_path / "file").read_bytes() == b""


def test_write_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "table.md"
    for text in ("é\nfirst", "second"):
        files.write_file(path, text)
        assert everything(tmp_path) == {"new/table.md": f"{text}\n".encode()}
    with path.open() as reader:  # a reader sees the complete old file
        files.write_file(path, "other")
        assert reader.read() == "second\n"
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(FULL))
    with pytest.raises(RecordError, match="No space left on device"):
        files.write_file(path, "third")
    assert everything(tmp_path) == {"new/table.md": b"other\n"}
