"""Reading any content of a run's files gives a run or a RecordError."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.records import schema, store
from bdlbench.records.predictions import Predictions
from bdlbench.verification.check_run import check_run
from tests import synthetic

_SPACE = TemporaryDirectory()
RECORD = synthetic.write(Path(_SPACE.name), inputs=20)
RUN = store.folder_of(Path(_SPACE.name), RECORD.run)
PREDICTIONS = (RUN / "predictions.npz").read_bytes()
GOOD = RECORD.content()

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4)
    ),
    max_leaves=10,
)
quick = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True
)


def read(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        (Path(folder) / "record.json").write_bytes(content)
        try:
            found = store.read(Path(folder))
        except RecordError:
            return
        schema.check(found.content())


@quick
@given(st.binary(max_size=200))
def test_any_bytes_for_a_record(content: bytes) -> None:
    read(content)


@quick
@given(anything)
def test_any_json_for_a_record(content: Any) -> None:
    read(json.dumps(content).encode())


@quick
@given(st.dictionaries(st.sampled_from(sorted(GOOD)), anything, min_size=1, max_size=3))
def test_any_json_for_a_field(changes: dict[str, Any]) -> None:
    read(json.dumps(GOOD | changes).encode())


PLACES = ["sampler", "configuration", "measured", "environment", "metrics", "data"]


@quick
@given(st.sampled_from(PLACES), st.data(), anything)
def test_any_json_for_a_field_within_a_field(place: str, data: st.DataObject, value: Any) -> None:
    name = data.draw(st.sampled_from(sorted(GOOD[place])) | st.text(max_size=10))
    content = json.dumps(GOOD | {place: GOOD[place] | {name: value}})
    read(content.encode())
    (RUN / "record.json").write_text(content, "utf-8")
    try:
        check_run(RUN, {})
    except BdlbenchError:
        pass
    else:
        assert name != "settings", "the run's name depends on them"


@quick
@given(st.binary(max_size=300))
def test_any_bytes_for_predictions(content: bytes) -> None:
    predict(content)


@quick
@given(st.lists(st.tuples(st.integers(0, len(PREDICTIONS) - 1), st.integers(0, 255)), max_size=8))
def test_any_changes_of_predictions(changes: list[tuple[int, int]]) -> None:
    content = bytearray(PREDICTIONS)
    for position, byte in changes:
        content[position] = byte
    predict(bytes(content))


def predict(content: bytes) -> None:
    signed = replace(RECORD, predictions_sha256=hashlib.sha256(content).hexdigest())
    (RUN / "predictions.npz").write_bytes(content)
    try:
        found = store.read_predictions(RUN, signed)
    except RecordError:
        return
    assert all(isinstance(predictions, Predictions) for predictions in found.values())
