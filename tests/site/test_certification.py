"""The report of the checks on a sampler's page."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from bdlbench.checks import certificate
from bdlbench.errors import RecordError
from bdlbench.leaderboard import admission
from bdlbench.site.publish import publish
from tests import synthetic
from tests.site.test_publish import Page

PASSED = {"check": "line", "verdict": "pass", "figure": "T = 1.01 ± 0.02", "meaning": "exact"}
FAILED = {"check": "ranks", "verdict": "fail", "figure": "p = 1e-9", "meaning": "not <uniform>"}


def report(results: Path, verdict: str, *checks: Any) -> Path:
    (record, *_) = admission.read_runs(results)
    path = results / certificate.file_of(*certificate.version_of(record))
    path.parent.mkdir()
    path.write_text(json.dumps({"verdict": verdict, "settings": {}, "checks": checks}))
    return path


def text_of(results: Path) -> str:
    page = Page(publish(results, results / "site").parent / "samplers" / "sgld.html")
    return " ".join(page.text.split())


@pytest.mark.parametrize(
    ("now", "stored", "check", "expected"),
    [
        ("certified", "certified", PASSED, "passed every check against exactly known posteriors"),
        ("approximate", "approximate", PASSED, "is declared approximate"),
        ("point", "point", PASSED, "is declared a point estimate"),
        ("not certified", "certified", PASSED, "is of another version of the checks"),
        ("not certified", "not certified", FAILED, "Some checks failed"),
    ],
)
def test_the_report_is_shown(
    few: Path, monkeypatch: pytest.MonkeyPatch, now: str, stored: str, check: Any, expected: str
) -> None:
    path = report(few, stored, check)
    monkeypatch.setattr(certificate, "of_run", lambda results, record: now)
    text = text_of(few)
    assert expected in text
    mark = "✓ pass" if check is PASSED else "✗ fail"
    row = [check["check"], mark, check["figure"], check["meaning"]]
    assert re.search(" *".join(map(re.escape, row)), text)
    assert (few / "site" / "checks" / path.name).read_bytes() == path.read_bytes()


@pytest.mark.parametrize("content", ["{", "[]", '{"verdict": "certified", "checks": [{}]}'])
def test_a_corrupt_report_is_refused(
    few: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    report(few, "certified").write_text(content)
    monkeypatch.setattr(certificate, "of_run", lambda results, record: "certified")
    with pytest.raises(RecordError, match=r"sgld-\w+.json: cannot be read \(.*run bdlbench check"):
        publish(few, few / "site")


def test_without_a_report_nothing_is_claimed(few: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bdlbench.storage.published.published", lambda file: [])
    assert "No report of bdlbench check" in text_of(few)


def test_of_runs_with_different_code_an_uncertified_one_takes_precedence(
    few: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(few, "certified", PASSED)
    another_board = {"numerics": "1", "epochs": 700.0}
    synthetic.write(few, "sgld", inputs=50, configuration=another_board)
    monkeypatch.setattr("bdlbench.storage.published.published", lambda file: [])
    monkeypatch.setattr(certificate, "versions", lambda identity: {})
    monkeypatch.setattr(certificate, "_FIELDS", {})
    assert "No report of bdlbench check" in text_of(few)
