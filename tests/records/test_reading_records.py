from __future__ import annotations

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from bdlbench.errors import RecordError
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import Record
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


def test_a_truncated_record_is_refused(tmp_path: Path) -> None:
    written = store.write(tmp_path, RECORD, SETS)
    folder = store.folder_of(tmp_path, RECORD.run)
    content = (folder / "record.json").read_bytes()
    whole = len(content.rstrip())
    for length in range(whole):
        (folder / "record.json").write_bytes(content[:length])
        with pytest.raises(RecordError, match=r"record\.json: cannot be read .* run again$"):
            store.read(folder)
    (folder / "record.json").write_bytes(content[:whole])
    assert store.read(folder) == written


GOOD = RECORD.content()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({**GOOD, "schema": 3}, "expected a record of schema 2, got 3; upgrade bdlbench"),
        ({"schema": 99, "unknown": 1}, "expected a record of schema 2, got 99; upgrade bdlbench"),
        ({**GOOD, "schema": 0}, "cannot be read (expected a record of schema 2); delete"),
        ({**GOOD, "schema": "1"}, "cannot be read (expected a record of schema 2); delete"),
        (
            {**GOOD, "extra": 1},
            "cannot be read (expected nothing else in a record, got 'extra'); d",
        ),
        *(
            ({name: value for name, value in GOOD.items() if name != missing}, "cannot be read (")
            for missing in GOOD
        ),
        ([GOOD], "cannot be read (expected a document to be an object, got a list); delete"),
        (None, "cannot be read (expected a document to be an object, got null); delete"),
    ],
)
def test_an_invalid_record_is_refused(tmp_path: Path, content: object, message: str) -> None:
    (tmp_path / "record.json").write_text(json.dumps(content))
    with pytest.raises(RecordError) as caught:
        store.read(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path / 'record.json'}: {message}")


def test_a_folder_without_a_record_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"^no run in .*: expected a record\.json there$"):
        store.read(tmp_path)


def test_predictions_with_one_changed_byte_are_refused(tmp_path: Path) -> None:
    record = store.write(tmp_path, RECORD, SETS)
    path = store.folder_of(tmp_path, RECORD.run) / "predictions.npz"
    content = path.read_bytes()
    for position in range(0, len(content), 50):
        changed = bytearray(content)
        changed[position] ^= 1
        path.write_bytes(changed)
        with pytest.raises(RecordError, match="does not match its record's checksum; delete"):
            store.read_predictions(path.parent, record)
    path.unlink()
    with pytest.raises(
        RecordError, match=r"predictions\.npz: cannot be read .*delete its folder and run again$"
    ):
        store.read_predictions(path.parent, record)


def test_the_text_has_one_line_per_field() -> None:
    lines = store.to_text(RECORD).splitlines()
    rows = {name: value.strip() for name, _, value in (line.partition(" ") for line in lines)}
    assert rows["sampler.settings.learning_rate"] == "0.1"
    assert rows["metrics.accuracy"] == "0.9"
    assert rows["reason"] == "θ ✓"
    assert {name.split(".")[0] for name in rows} == {
        field.name for field in fields(Record) if field.name != "diagnostics"
    }
