"""Certificates: stored for full checks only, by sampler source and numerics version."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdlbench import checks, registry
from bdlbench.checks import Result, Subject, certificate
from bdlbench.commands import main
from bdlbench.errors import RecordError
from bdlbench.records.record import Record
from bdlbench.runs import numerics
from bdlbench.settings import parse
from tests import synthetic

Write = Callable[..., str]
Run = Callable[..., tuple[int, str, str]]
QUICK = "yield problem.init(rng)"
GOOD = Result("line", "pass", "T = 1", "exact")
OPEN = Result("line", "inconclusive", "T = 1", "too uncertain")
BAD = Result("line", "fail", "T = 2", "too hot")
SHOWN = Result("line", "shown", "T = 2", "too hot")


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> list[Result]:
    """The results of the mocked checks; append to it."""
    results: list[Result] = []

    def run_checks(subject: Subject, quick: bool, without: tuple[str, ...]) -> Iterator[Result]:
        print("a plugin prints")
        return iter(results)

    monkeypatch.setattr(certificate, "run_checks", run_checks)
    return results


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Run a command in this process, in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bdlbench", *arguments])
        capfd.readouterr()
        try:
            main.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *capfd.readouterr()

    return call


@pytest.mark.parametrize(
    ("target", "found", "verdict"),
    [
        ("exact", [GOOD], "certified"),
        ("exact", [GOOD, BAD], "not certified"),
        ("exact", [GOOD, Result("line", "error", "–", "ValueError")], "not certified"),
        ("exact", [GOOD, OPEN], "inconclusive"),
        ("exact", [BAD, OPEN], "not certified"),
        ("approximate", [GOOD, SHOWN], "approximate"),
        ("approximate", [BAD, SHOWN], "not certified"),
        ("point", [SHOWN], "point"),
    ],
)
def test_a_verdict_is_stored_and_read(
    tmp_path: Path, write_sampler: Write, target: str, found: list[Result], verdict: str
) -> None:
    path = Path(write_sampler(QUICK))
    path.write_text(path.read_text().replace("size: int", f"target = {target!r}\n    size: int"))
    subject = Subject(parse(str(path)))
    assert certificate.read(tmp_path, str(path), {}) == "not certified", "not checked yet"
    stored = certificate.write(tmp_path, subject, found)
    assert re.fullmatch(r"mine-[0-9a-f]{10}\.json", stored.name)
    content = json.loads(stored.read_text("utf-8"))
    assert (content["sampler"], content["target"]) == ("mine", target)
    assert content["settings"] == {"size": 1, "gate": ""}
    assert (content["seed"], content["libraries"].keys()) == (0, {"torch", "jax", "numpyro"})
    assert content["verdict"] == verdict
    assert content["checks"][0]["meaning"] == found[0].meaning
    assert certificate.read(tmp_path, str(path), {}) == verdict


@pytest.mark.parametrize(
    ("settings", "verdict"),
    [
        ({"size": 1, "gate": "", "temperature": 1.0}, "certified"),
        ({"size": 7, "gate": ""}, "certified"),
        ({"size": 1, "gate": "open"}, "not certified"),
        ({"size": 1, "gate": "", "temperature": 0.01}, "tempered"),
    ],
)
def test_a_certificate_is_for_the_temperature_and_the_algorithm_that_were_checked(
    tmp_path: Path, write_sampler: Write, settings: dict[str, Any], verdict: str
) -> None:
    path = write_sampler(QUICK)
    certificate.write(tmp_path, Subject(parse(path)), [GOOD])
    assert certificate.read(tmp_path, path, settings) == verdict
    _, identity = certificate.present_version(path)
    made = run_of("mine", identity.source_sha256, identity.numerics)
    made = replace(made, sampler=replace(made.sampler, settings=settings))
    assert certificate.of_run(tmp_path, made) == verdict


def test_certificates_of_different_sources_are_independent(
    tmp_path: Path, write_sampler: Write
) -> None:
    path = write_sampler(QUICK)
    certificate.write(tmp_path, Subject(parse(path)), [GOOD])
    assert certificate.read(tmp_path, path, {}) == "certified"
    write_sampler(QUICK + "  # changed")
    assert certificate.read(tmp_path, path, {}) == "not certified"
    certificate.write(tmp_path, Subject(parse(path)), [BAD])
    write_sampler(QUICK)
    assert certificate.read(tmp_path, path, {}) == "certified"


def test_the_certificate_of_a_run_is_that_of_its_code(
    tmp_path: Path, write_sampler: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_sampler(QUICK)
    subject = Subject(parse(path))
    _, identity = certificate.present_version(path)
    source, version = identity.source_sha256, identity.numerics
    made = run_of("mine", source, version)
    assert certificate.of_run(tmp_path, made) == "not certified", "not checked yet"
    certificate.write(tmp_path, subject, [GOOD])
    assert certificate.of_run(tmp_path, made) == "certified"
    for other in (
        run_of("mine", source, "1"),
        run_of("mine", source, f"{version}+ab12cd34"),
        run_of("mine", "0" * 64, version),
        run_of("other", source, version),
    ):
        assert certificate.of_run(tmp_path, other) == "not certified"
    # A later version of the code fails the checks; the run stays certified.
    monkeypatch.setattr(numerics, "version", lambda sampler="": "3")
    assert certificate.read(tmp_path, path, {}) == "not certified"
    certificate.write(tmp_path, subject, [BAD])
    assert certificate.read(tmp_path, path, {}) == "not certified"
    assert certificate.of_run(tmp_path, made) == "certified"


def test_the_certificate_of_another_version_of_the_checks_is_not_valid(
    tmp_path: Path, write_sampler: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_sampler(QUICK)
    certificate.write(tmp_path, Subject(parse(path)), [GOOD])
    monkeypatch.setattr(checks, "VERSION", checks.VERSION + 1)
    assert certificate.read(tmp_path, path, {}) == "not certified"


def run_of(name: str, source: str, version: str) -> Record:
    record = synthetic.record(name, configuration={"numerics": version})
    return replace(record, sampler=replace(record.sampler, source_sha256=source))


BUILT_IN = sorted(registry.names("samplers"))


@pytest.mark.parametrize("name", BUILT_IN)
def test_every_built_in_sampler_is_published_with_its_certificate(
    tmp_path: Path, name: str
) -> None:
    target = str(registry.load("samplers", name).__dict__["target"])
    remedy = "numerical code has changed: run `bdlbench check NAME --results results`, and commit"
    verdict = certificate.read(tmp_path, name, {})
    assert verdict == {"exact": "certified"}.get(target, target), remedy


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\0\1"])
def test_a_corrupt_file_is_an_error(tmp_path: Path, write_sampler: Write, content: str) -> None:
    path = write_sampler(QUICK)
    stored = certificate.write(tmp_path, Subject(parse(path)), [GOOD])
    stored.write_text(content)
    with pytest.raises(RecordError, match=r"mine-\w+\.json: cannot be read .*run bdlbench"):
        certificate.read(tmp_path, path, {})


@pytest.mark.parametrize(
    ("settings", "options", "stored"),
    [("", [], True), ("", ["--quick"], False), (":size=2", [], False)],
)
def test_only_a_full_check_with_the_defaults_is_stored(
    run: Run, write_sampler: Write, outcome: list[Result], settings: str, options: list[str],
    stored: bool,
) -> None:  # fmt: skip
    outcome.append(GOOD)
    path = write_sampler(QUICK)
    code, out, err = run("check", path + settings, *options)
    assert (code, err) == (0, "a plugin prints\n")
    assert len([*Path("bdlbench-results").glob("checks/mine-*.json")]) == stored
    assert (certificate.read(Path("bdlbench-results"), path, {}) == "certified") == stored
    lines = out.splitlines()
    assert lines[0].split() == ["pass", "line", "T", "=", "1:", "exact"]
    assert ("quick checks only, not stored" in lines[1]) == ("--quick" in options)


def test_a_failed_check_is_stored_and_the_exit_code_is_2(
    run: Run, write_sampler: Write, outcome: list[Result]
) -> None:
    outcome.extend([GOOD, BAD])
    path = write_sampler(QUICK)
    code, out, err = run("check", path)
    assert code == 2
    assert (
        err.splitlines()[-1] == f"error: {path}: not certified; the failed checks are listed above"
    )
    assert "fail         line             T = 2: too hot" in out
    assert certificate.read(Path("bdlbench-results"), path, {}) == "not certified"
    (report,) = Path("bdlbench-results/checks").iterdir()
    assert "too hot" in report.read_text()


@pytest.mark.parametrize(("result", "code"), [(GOOD, 0), (SHOWN, 0), (BAD, 2)])
def test_json_is_one_document(
    run: Run, write_sampler: Write, outcome: list[Result], result: Result, code: int
) -> None:
    outcome.append(result)
    path = write_sampler(QUICK)
    found, out, _ = run("check", path, "--json", "--quick")
    assert found == code
    document = json.loads(out)
    assert document["sampler"] == path
    assert document["target"] == "exact"
    assert document["verdict"] == ("certified" if code == 0 else "not certified")
    assert [check["verdict"] for check in document["results"]] == [result.verdict]


def test_json_stays_one_document_when_plugins_print_everywhere(
    run: Run, write_sampler: Write
) -> None:
    path = Path(write_sampler("print('sampling', flush=True)\n" + QUICK))
    path.write_text("print('imported', flush=True)\n" + path.read_text())
    code, out, err = run("check", str(path), "--json", "--quick")
    assert code == 2
    failed = [check["check"] for check in json.loads(out)["results"] if check["verdict"] == "fail"]
    assert "budget" in failed
    assert "imported" in err
    assert "sampling" in err


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import os\nclass :\n", "mine.py: cannot be loaded, line 2: SyntaxError: "),
        ("x = 1\n", "mine.py: expected one sampler, a class under @register with sample(), got 0"),
        ("1 / 0\n", "mine.py: cannot be loaded, line 1: ZeroDivisionError: division by zero"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_one_line(
    run: Run, tmp_path: Path, source: str, message: str
) -> None:
    (tmp_path / "mine.py").write_text(source)
    for options in ([], ["--json"]):
        code, out, err = run("check", "./mine.py", *options)
        assert (code, out) == (2, "")
        assert err.startswith(f"error: {message}")
        assert err.count("\n") == 1


def test_a_target_that_does_not_exist_is_one_line(run: Run, write_sampler: Write) -> None:
    path = Path(write_sampler(QUICK))
    path.write_text(path.read_text().replace("size: int", 'target = "perfect"\n    size: int'))
    code, out, err = run("check", str(path))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "expected target exact, approximate, point, got 'perfect'" in err
