"""`bdlbench check --peers`: what is installed is checked once, and kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from bdlbench.checks import Result, Subject, certificate
from bdlbench.errors import BdlbenchError
from bdlbench.peers import certify, peer
from bdlbench.peers.peer import Peer
from tests import commandline

MINE = Peer("mine", "torch", "Mine", "ε", "–", "ε", "its source", without=("ranks",), why="slow")
GONE = Peer("gone", "no-such-library", "Gone", "ε", "–", "ε", "its source")
CHECKED = "pass         line             T = 1: exact"


@pytest.fixture
def asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_sampler: Callable[..., str]
) -> list[tuple[str, ...]]:
    """The checks that were left out in each call of the mocked checks."""
    calls: list[tuple[str, ...]] = []

    def run_checks(subject: Subject, quick: bool, without: tuple[str, ...]) -> Iterator[Result]:
        calls.append(without)
        yield Result("line", "pass", "T = 1", "exact")

    monkeypatch.setattr(certificate, "run_checks", run_checks)
    monkeypatch.setattr(peer, "PLUGINS", tmp_path)
    monkeypatch.setattr(certify, "PEERS", (GONE, MINE))
    write_sampler("yield problem.init(rng)")
    return calls


def test_a_certificate_is_kept_and_not_repeated(
    tmp_path: Path, asked: list[tuple[str, ...]], write_sampler: Callable[..., str]
) -> None:
    said: list[str] = []
    certify.certify([GONE, MINE], False, tmp_path, said.append)
    assert said[0] == "gone: no-such-library is not installed: pip install 'bdlbench[peers]'"
    assert said[1:3] == [f"mine: torch {version('torch')}", CHECKED]
    content: dict[str, Any] = json.loads((tmp_path / "peers/mine.json").read_text())
    assert content["libraries"]["torch"] == version("torch")
    assert content["left_out"] == ["ranks"]
    assert content["verdict"] == "inconclusive"  # not all checks were made
    assert content["cpu_seconds"] >= 0
    certify.certify([MINE], False, tmp_path, said.append)
    assert said[-1].startswith("mine: torch ")
    assert "kept in" in said[-1]
    assert asked == [("ranks",)]
    changes: list[dict[str, Any]] = [{"libraries": {}}, {"checks_version": -1}, {"left_out": []}]
    for change in changes:
        (tmp_path / "peers/mine.json").write_text(json.dumps(content | change))
        certify.certify([MINE], False, tmp_path, said.append)
    write_sampler("yield problem.init(rng) + 0")  # another source
    certify.certify([MINE], False, tmp_path, said.append)
    assert len(asked) == 5


def test_a_quick_check_is_not_kept(tmp_path: Path, asked: list[tuple[str, ...]]) -> None:
    said: list[str] = []
    for _ in range(2):
        certify.certify([MINE], True, tmp_path, said.append)
    assert len(asked) == 2
    assert not (tmp_path / "peers").exists()


def test_a_library_that_cannot_be_imported_is_named(
    tmp_path: Path, asked: list[tuple[str, ...]]
) -> None:
    (tmp_path / "mine.py").write_text("import no_such_module\n")
    said: list[str] = []
    certify.certify([MINE], False, tmp_path, said.append)
    assert "No module named 'no_such_module'" in said[-1]
    assert not asked


def test_peers_are_chosen_by_name_or_library(asked: list[tuple[str, ...]]) -> None:
    assert certify.chosen(None) == (GONE, MINE)
    assert certify.chosen("torch") == certify.chosen("mine") == (MINE,)
    with pytest.raises(BdlbenchError, match="no peer 'min'; did you mean mine"):
        certify.chosen("min")


def test_the_command_checks_peers(
    tmp_path: Path, asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    done = commandline.run(f"check --peers --results {tmp_path}", monkeypatch, capfd)
    assert not done.code
    assert CHECKED in done.out
    assert (tmp_path / "peers/mine.json").is_file()
    for arguments, message in (
        ("check", "expected a SAMPLER, or --peers"),
        ("check --peers --json", "--json is of one sampler"),
        ("check nothing --peers", "no peer 'nothing'"),
    ):
        done = commandline.run(arguments, monkeypatch, capfd)
        assert done.code == 2
        assert message in done.err
