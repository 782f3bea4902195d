"""Submission of runs to the published results, and the review of the pull request."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bdlbench.commands import main
from bdlbench.errors import BdlbenchError
from bdlbench.leaderboard import boards, rendering
from bdlbench.records import store
from bdlbench.reference.control_rows import controls_file
from bdlbench.storage.files import write_file
from bdlbench.verification import submission
from bdlbench.verification.check_run import check_run, labels_of
from bdlbench.verification.review import added, review
from tests import synthetic


@pytest.fixture(autouse=True)
def _known_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bdlbench.verification.check_run.labels_of", lambda *anything: {})


def test_labels_are_those_of_the_data(tmp_path: Path, loaded_once: None) -> None:
    labels = labels_of("digits")
    assert sorted(labels) == ["letters", "test"]
    assert labels["test"].shape == (500,)
    run = store.folder_of(tmp_path, synthetic.write(tmp_path, inputs=500).run)
    with pytest.raises(BdlbenchError, match=r"the labels of its .* set are not the task's"):
        check_run(run, {"digits": labels})
    check_run(run, {"digits": {"test": np.arange(500) % 10}})


def names(results: Path) -> list[str]:
    runs = results / "runs"
    return sorted(path.name for path in runs.iterdir()) if runs.exists() else []


def test_submit_copies_the_runs_and_builds_the_leaderboard(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    runs = [synthetic.write(mine, "sgld", seed=seed).run for seed in range(2)]
    synthetic.write(theirs, "sgd")
    (mine / "runs" / runs[0] / "verdict.json").write_text("{}")  # not copied
    submission.submit([runs[0], str(mine / "runs" / runs[1])], mine, theirs)
    for run in runs:
        for name in ("record.json", "predictions.npz"):
            first, second = (results / "runs" / run / name for results in (mine, theirs))
            assert first.read_bytes() == second.read_bytes()
        assert len(list((theirs / "runs" / run).iterdir())) == 2
    text = (theirs / "leaderboard.md").read_text("utf-8")
    assert text == rendering.to_markdown(boards.build(theirs))
    assert "sgld" in text
    with pytest.raises(BdlbenchError, match=r"sgld-.*-0 already exists in .*; omit it"):
        submission.submit(runs[:1], mine, theirs)


def corrupt(mine: Path) -> str:
    run = synthetic.write(mine, "sgld").run
    with (mine / "runs" / run / "predictions.npz").open("ab") as file:
        file.write(b"!")
    return run


def incomparable(mine: Path) -> str:
    return synthetic.write(mine, "sgld", data={**synthetic.DATA, "test": "e" * 64}).run


def local(mine: Path) -> str:
    return synthetic.write(mine, "sgld", configuration={"numerics": "2+ab12cd34"}).run


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (local, r"expected numerics version 2, got 2\+ab12cd34, a local version; rerun"),
        (corrupt, "does not match its record"),
        (incomparable, "expected the data of published runs on digits, got a different test set"),
    ],
)
def test_a_refused_submission_copies_nothing(
    tmp_path: Path, prepare: Callable[[Path], str], message: str
) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    synthetic.write(theirs, "sgd")
    good, bad = synthetic.write(mine, "sghmc").run, prepare(mine)
    before = names(theirs)
    with pytest.raises(BdlbenchError, match=message):
        submission.submit([good, bad], mine, theirs)
    assert names(theirs) == before


class Request:
    """A repository, and a checkout of a pull request, as in the workflow."""

    def __init__(self, folder: Path) -> None:
        self.base, self.head, self.mine = (folder / name for name in ("base", "head", "mine"))
        self.changes = folder / "changes"
        results = self.base / "results"
        synthetic.write(results, "sgd")
        rendering.write(results, boards.build(results))
        (self.base / "setup.py").write_text("print('theirs')")
        self.git("init", "-q")
        self.commit()
        shutil.copytree(self.base, self.head, symlinks=True)
        run = synthetic.write(self.mine, "sgld", skill=3.0).run
        submission.submit([run], self.mine, self.head / "results")
        self.run = self.head / "results" / "runs" / run

    def git(self, *arguments: str, place: Path | None = None) -> bytes:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments]
        place = place or self.base
        return subprocess.run(command, cwd=place, check=True, capture_output=True).stdout

    def commit(self, place: Path | None = None) -> None:
        self.git("add", "-A", "-f", place=place)
        self.git("commit", "-q", "-m", "change", place=place)

    def review(self) -> str:
        self.commit(self.head)
        options = ("--name-status", "--no-renames", "-z")
        before = self.git("rev-parse", "HEAD").decode().strip()
        self.changes.write_bytes(self.git("diff", *options, before, "HEAD", place=self.head))
        return review(self.base, self.head, self.changes)


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    return Request(tmp_path)


def test_a_good_request_is_accepted(request_: Request) -> None:
    text = request_.review()
    assert text.startswith("1 runs checked: no errors found.")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| ")]
    marks = [(row[0], row[2]) for row in rows[1:] if "---" not in row[0]]
    assert ("| +", "sgld") in marks
    assert "### digits · mlp-50 · 100 epochs" in text


def one_byte(request: Request) -> None:
    path = request.run / "predictions.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def one_metric(request: Request) -> None:
    content = json.loads((request.run / "record.json").read_text())
    content["metrics"]["ood.letters.fpr_at_95_tpr"] += 0.01
    (request.run / "record.json").write_text(json.dumps(content))


def old_run(request: Request) -> None:
    (run,) = (request.base / "results" / "runs").iterdir()
    (request.head / "results" / "runs" / run.name / "record.json").write_text("{}")


def removed_run(request: Request) -> None:
    (run,) = (request.base / "results" / "runs").iterdir()
    shutil.rmtree(request.head / "results" / "runs" / run.name)


def link(request: Request) -> None:
    (request.run / "record.json").unlink()
    (request.run / "record.json").symlink_to("/etc/passwd")


def folder_link(request: Request) -> None:
    elsewhere = request.head / "elsewhere"
    request.run.rename(elsewhere)
    request.run.symlink_to(elsewhere)


def certificate(request: Request) -> None:
    (request.head / "results" / "checks").mkdir()
    (request.head / "results" / "checks" / "sgld.json").write_text("{}")


def controls(request: Request) -> None:
    write_file(request.head / "results" / "controls" / "digits-0123456789.json", "{}")


def code(request: Request) -> None:
    (request.head / "setup.py").write_text("print('mine')")


def page(request: Request) -> None:
    with (request.head / "results" / "leaderboard.md").open("a") as file:
        file.write("[the best](http://example.org)\n")


def nothing(request: Request) -> None:
    shutil.rmtree(request.run)
    (request.head / "results" / "leaderboard.csv").write_text("")


BREAKS: list[tuple[Callable[[Request], None], str]] = [
    (one_byte, "does not match its record's checksum"),
    (one_metric, r"ood\.letters\.fpr_at_95_tpr is .* in the record, but"),
    (old_run, "only adds runs, got M results/runs/digits-sgd-"),
    (removed_run, "only adds runs, got D results/runs/digits-sgd-"),
    (link, "expected record.json to be a plain file"),
    (folder_link, "only adds runs, got A elsewhere"),
    (certificate, "only adds runs, got A results/checks/sgld.json"),
    (controls, "only adds runs, got A results/controls/digits-0123456789.json"),
    (code, "only adds runs, got M setup.py"),
    (page, "results/leaderboard.md does not match the runs; run `bdlbench leaderboard --results "),
    (nothing, "expected a pull request that adds runs, got none"),
]


@pytest.mark.parametrize(("change", "message"), BREAKS)
def test_a_bad_request_is_refused(
    request_: Request, change: Callable[[Request], None], message: str
) -> None:
    change(request_)
    with pytest.raises(BdlbenchError, match=message):
        request_.review()


@pytest.mark.parametrize("name", ["results", "results/runs"])
def test_a_checkout_with_a_linked_folder_is_refused(
    request_: Request, tmp_path: Path, name: str
) -> None:
    request_.review()
    folder, elsewhere = request_.head / name, tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    with pytest.raises(BdlbenchError, match=f"expected {name} to be a folder, got a link"):
        review(request_.base, request_.head, request_.changes)


def test_the_command_as_the_workflow_calls_it(
    request_: Request, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    request_.review()
    places = map(str, (request_.base, request_.head, request_.changes))
    monkeypatch.setattr(sys, "argv", ["bdlbench", "review", *places])
    main.main()
    assert "1 runs checked" in capsys.readouterr().out
    request_.changes.write_bytes(b"A\0results/runs/../../x/record.json\0")
    with pytest.raises(SystemExit):
        main.main()
    assert capsys.readouterr().err.startswith("error: expected a pull request that only adds runs,")


def test_unexpected_paths_are_escaped_and_refused() -> None:
    with pytest.raises(BdlbenchError, match=r"got A \\x1b\[31m\.\./x\\n"):
        added(b"A\0\x1b[31m../x\n\0")


def test_control_rows_are_not_submitted(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    made = synthetic.write(mine, "sgld")
    write_file(mine / controls_file(made.task, made.data), "[]")
    submission.submit([made.run], mine, theirs)
    assert not (theirs / "controls").exists()
