"""JSON documents: strict reading, with one-line errors."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bdlbench.checks import certificate
from bdlbench.errors import DamagedRecord, RecordError
from bdlbench.metrics import controls
from bdlbench.records import store, trials
from bdlbench.records.trials import Trial, Tuning
from bdlbench.reference import reference
from bdlbench.reference.control_rows import (
    CONTROL_NAMES,
    controls_file,
    kept_controls,
    read_controls,
)
from bdlbench.site import certification
from bdlbench.storage import documents, published
from tests import synthetic
from tests.reference.test_fidelity import posterior

ROW = dict.fromkeys(CONTROL_NAMES, 0.5)
TRIAL: dict[str, Any] = {
    "spec": "sgd", "settings": {"momentum": 0.5}, "source_sha256": "d" * 64, "epochs": 3.0,
    "runs": ["digits-sgd-0123456789-0"], "objective": 0.5,
}  # fmt: skip
CHECK = {"check": "line", "verdict": "pass", "figure": "T = 1", "meaning": "exact"}
RECORD = synthetic.record()

Read = Callable[[], object]


def _record(results: Path) -> tuple[Path, Read]:
    folder = store.folder_of(results, store.write(results, RECORD, {}).run)
    return folder / "record.json", lambda: store.read(folder)


def _certificate(results: Path) -> tuple[Path, Read]:
    name, identity = certificate.version_of(RECORD)
    path = results / certificate.file_of(name, identity)
    path.parent.mkdir(parents=True)
    content = {
        **certificate.versions(identity),
        "settings": RECORD.sampler.settings,
        "verdict": "certified",
        "checks": [CHECK],
    }
    path.write_text(json.dumps(content))
    return path, lambda: certificate.of_run(results, RECORD)


def _report(results: Path) -> tuple[Path, Read]:
    path, _ = _certificate(results)
    return path, lambda: certification._read(path)


def _controls(results: Path) -> tuple[Path, Read]:
    path = results / controls_file("digits", RECORD.data)
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"letters": ROW}))
    return path, lambda: kept_controls(results, "digits", RECORD.data)


def _trials(results: Path) -> tuple[Path, Read]:
    trials.write(results, "digits", "softmax", "sgd", Tuning(None, [Trial(**TRIAL)]))
    path = results / trials.file_of("digits", "softmax", "sgd")
    return path, lambda: trials.read(results, "digits", "softmax", "sgd")


def _reference(results: Path) -> tuple[Path, Read]:
    p = np.full((3, 10), 0.1)
    made = posterior(p, p, p, prior_std=1.0, data=dict(RECORD.data))
    path = reference.write(results, made)
    return path, lambda: reference.load("digits", results, data=RECORD.data, model="softmax")


MAKERS = {"record": _record, "certificate": _certificate, "report": _report,
          "control rows": _controls, "trials": _trials, "reference": _reference}  # fmt: skip
CURES = {
    "record": "delete its folder and run again",
    "certificate": "run bdlbench check again",
    "report": "run bdlbench check again",
    "control rows": "delete it and compare again",
    "trials": "delete it and tune again",
    "reference": "delete it and run bdlbench reference again",
}
every_kind = pytest.mark.parametrize("kind", list(MAKERS))


def assert_one_line(kind: str, path: Path, read: Read) -> str:
    with pytest.raises(RecordError) as caught:
        read()
    text = str(caught.value)
    assert text.startswith(f"{path}: cannot be read (")
    assert text.endswith(CURES[kind])
    assert "\n" not in text
    return text


@every_kind
@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"null", b"1", b'"text"', b"{}", b"\0\1", b"\xff", b"[" * 100_000,
     b'{"a": NaN}', b'{"a": 1, "a": 1}'],
)  # fmt: skip
def test_a_corrupt_document_is_a_one_line_error(tmp_path: Path, kind: str, content: bytes) -> None:
    path, read = MAKERS[kind](tmp_path)
    read()
    path.write_bytes(content)
    if (kind, content) == ("control rows", b"{}"):
        assert read() == {}, "valid for a task without OOD sets"
        return
    assert_one_line(kind, path, read)


@every_kind
def test_a_truncated_or_doubled_document_is_a_one_line_error(tmp_path: Path, kind: str) -> None:
    path, read = MAKERS[kind](tmp_path)
    whole = path.read_bytes().rstrip()
    for content in (whole[: len(whole) // 2], whole[:-1], whole * 2):
        path.write_bytes(content)
        assert_one_line(kind, path, read)


def _parts(content: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a document."""
    items = enumerate(content) if isinstance(content, list) else content.items()
    found = []
    for key, value in items:
        found.append((*path, key))
        if isinstance(value, (dict, list)):
            found += _parts(value, (*path, key))
    return found


def _changed(text: str, where: tuple[Any, ...], value: Any) -> str:
    content = parent = json.loads(text)
    for key in where[:-1]:
        parent = parent[key]
    if value is MISSING:
        del parent[where[-1]]
    else:
        parent[where[-1]] = value
    return json.dumps(content)


MISSING = object()


@every_kind
def test_any_changed_value_gives_at_most_a_one_line_error(tmp_path: Path, kind: str) -> None:
    path, read = MAKERS[kind](tmp_path)
    text, refused = path.read_text("utf-8"), 0
    for where in _parts(json.loads(text)):
        for value in (MISSING, None, [], {}, "text", -1, True, [1], {"a": 1}):
            path.write_text(_changed(text, where, value))
            try:
                read()
            except RecordError as error:
                refused += 1
                assert len(str(error).splitlines()) == 1  # noqa: PT017 -- some leave it whole
    assert refused > 5


@every_kind
def test_a_folder_in_place_of_a_file_is_a_one_line_error(tmp_path: Path, kind: str) -> None:
    path, read = MAKERS[kind](tmp_path)
    path.unlink()
    path.mkdir()
    assert_one_line(kind, path, read)


@every_kind
def test_the_size_of_documents_is_limited(tmp_path: Path, kind: str) -> None:
    path, read = MAKERS[kind](tmp_path)
    with path.open("ab") as file:
        file.write(b" " * (documents.LARGEST + 1))
    assert "expected at most" in assert_one_line(kind, path, read)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@every_kind
def test_missing_permission_is_named(tmp_path: Path, kind: str) -> None:
    path, read = MAKERS[kind](tmp_path)
    path.chmod(0)
    assert "(Permission denied); make it readable, or " in assert_one_line(kind, path, read)


def test_an_input_output_error_is_not_reported_as_corruption(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = _trials(tmp_path)

    def fail(path: Path, most: int) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("bdlbench.storage.files.read_bytes", fail)
    with pytest.raises(RecordError) as caught:
        documents.read(path, "delete it")
    assert not isinstance(caught.value, DamagedRecord)
    expected = f"{path}: cannot be read (Input/output error); make it readable, or delete it"
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([], "expected a document to be an object, got a list"),
        ({}, "expected a, which is missing"),
        ({"a": None}, "expected a to be a number, got null"),
        ({"a": True}, "expected a to be a number, got true/false"),
        ({"a": 1, "b": 2}, "expected b to be a text or null, got a number"),
    ],
)
def test_the_message_names_the_field_and_its_type(content: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}$"):
        documents.check(content, {"a": "a number", "b": "a text or null"})


def test_published_files_may_be_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, read = _controls(tmp_path / "store")
    link = tmp_path / "installed" / path.relative_to(tmp_path / "store")
    link.parent.mkdir(parents=True)
    link.symlink_to(path)
    package = SimpleNamespace(submodule_search_locations=[str(tmp_path / "installed")])
    monkeypatch.setattr(published, "find_spec", lambda name: package)
    assert kept_controls(tmp_path, "digits", RECORD.data) == read()
    with pytest.raises(RecordError, match="expected a plain file, got a link"):
        read_controls(link)


def test_stored_control_rows_equal_computed_ones() -> None:
    images = np.zeros((2, 28, 28), np.uint8)
    assert tuple(controls.control_aurocs(images, images, images)) == CONTROL_NAMES


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"a": NaN}', "expected finite numbers, got NaN"),
        (b'{"a": -Infinity}', "expected finite numbers, got -Infinity"),
        (b'{"a": 1e999}', "expected finite numbers, got 1e999"),
        (b'{"a": 1, "a": 2}', "expected every name once, got 'a' twice"),
        (b'{"b": {"a": 1, "a": 1}}', "expected every name once, got 'a' twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b"1" * 5000, "integer string conversion"),
        (b"\xff", "codec can't decode"),
        (b"{", "Expecting property name"),
        (b"", "Expecting value"),
    ],
)
def test_json_is_read_strictly(text: bytes, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        documents.parse(text)


def test_numbers_survive_a_round_trip() -> None:
    content = {"a": [0.1 + 0.2, 1, -1e-300, True, None, "θ"]}
    assert documents.parse(json.dumps(content).encode()) == content
