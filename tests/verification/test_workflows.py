"""Permissions of the workflows, and the comment on a pull request, with a fake `gh`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bdlbench.verification.review import review
from tests.verification.test_submission import Request

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"


def workflow(name: str) -> dict[Any, Any]:
    return dict(yaml.safe_load((WORKFLOWS / name).read_text("utf-8")))


def used(steps: list[dict[str, Any]]) -> list[str]:
    return [step["uses"] for step in steps if "uses" in step]


def bash(script: str, folder: Path, env: dict[str, str] | None = None) -> None:
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)


@pytest.mark.parametrize("path", sorted(WORKFLOWS.iterdir()), ids=lambda path: path.name)
def test_workflows_declare_minimal_permissions(path: Path) -> None:
    found = workflow(path.name)
    assert "pull_request_target" not in found[True]  # YAML's word for on
    assert found["permissions"] in ({}, {"contents": "read"})
    assert "secrets" not in str(found)
    for job in found["jobs"].values():
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[a-z-]+@v[0-9]+", step.get("uses", "actions/none@v1"))
            # Untrusted text, such as a branch name, would become part of the command.
            assert "${{" not in step.get("run", "")


def test_the_submission_workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bdlbench.verification.check_run.labels_of", lambda *anything: {})
    found, request = workflow("submission.yml"), Request(tmp_path)
    assert found[True] == {"pull_request": {"paths": ["results/runs/**"]}}
    assert found["permissions"] == {"contents": "read"}
    assert "permissions" not in found["jobs"]["check"]
    steps = found["jobs"]["check"]["steps"]
    assert used(steps) == [
        "actions/checkout@v4",
        "actions/setup-python@v5",
        "actions/upload-artifact@v4",
    ]
    assert steps[-1]["with"] == {"name": "difference", "path": "difference.md", "retention-days": 1}
    request.commit(request.head)
    shutil.rmtree(request.base)
    get, install, check = (step["run"] for step in steps if "run" in step)
    bash(get, tmp_path)
    assert install == "pip install ./base"
    assert check.startswith("bdlbench review base head changes > difference.md\n")
    assert "no errors found" in review(tmp_path / "base", request.head, tmp_path / "changes")


def test_the_pages_are_those_of_the_published_results() -> None:
    commands = [step.get("run", "") for step in workflow("pages.yml")["jobs"]["build"]["steps"]]
    assert "bdlbench publish --results results --out site" in commands


SHA, BASE = "1" * 40, "b" * 40
STRANGE = "stranger:a&b/../$(touch gone)"
RUNS = {"filename": "results/runs/a/record.json"}
REQUESTS = "api -X GET repos/us/it/pulls -f state=open -f head={} -F per_page=100"
COMPARED = f"api repos/us/it/compare/{BASE}...{SHA}"
GH = f"""#!{sys.executable}
import json, os, pathlib, subprocess, sys
arguments = sys.argv[1:]
if arguments[0] == "api":
    assert arguments[-2] == "--jq"
    answer = json.loads(os.environ["ANSWERS"])[" ".join(arguments[:-2])]
    jq = ["jq", "-r", arguments[-1]]
    sys.exit(subprocess.run(jq, input=json.dumps(answer), text=True).returncode)
elif arguments[:2] == ["run", "download"]:
    assert arguments[2:] == ["7", "--name", "difference", "--dir", "left"]
    os.mkdir("left")
    with open("left/difference.md", "wb") as file:
        file.write(pathlib.Path("artifact").read_bytes())
else:
    pathlib.Path("posted").write_text(json.dumps(arguments))
"""


class Comment:
    """A fake of GitHub's data on a request whose check has completed; runs the workflow on it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.head, self.conclusion = folder, STRANGE, "success"
        self.requests = [
            {"number": 11, "head": {"sha": "2" * 40}, "base": {"sha": BASE}},
            {"number": 12, "head": {"sha": SHA}, "base": {"sha": BASE}},
        ]
        self.files = [RUNS]
        self.artifact = b"2 runs checked\n"

    def post(self) -> str | None:
        """Return the text of the comment on request 12; None without a comment."""
        (self.folder / "gh").write_text(GH)
        (self.folder / "gh").chmod(0o755)
        (self.folder / "artifact").write_bytes(self.artifact)
        variables = self.folder / "variables"
        variables.touch()
        answers = {REQUESTS.format(self.head): self.requests, COMPARED: {"files": self.files}}
        env = {
            "ANSWERS": json.dumps(answers), "CONCLUSION": self.conclusion, "GH_REPO": "us/it",
            "GITHUB_ENV": str(variables), "HEAD": self.head, "RUN": "7", "SHA": SHA,
            "PATH": f"{self.folder}:{os.environ['PATH']}", "URL": "https://a/runs/7",
        }  # fmt: skip
        for step in workflow("comment.yml")["jobs"]["post"]["steps"]:
            env |= dict(line.split("=", 1) for line in variables.read_text().splitlines())
            if step.get("if") is None or env.get("NUMBER"):
                assert step.get("if") in (None, "env.NUMBER")
                bash(step["run"], self.folder, env)
        if not (self.folder / "posted").exists():
            return None
        options = ["--body-file", "comment.md", "--edit-last", "--create-if-none"]
        assert json.loads((self.folder / "posted").read_text()) == ["pr", "comment", "12", *options]
        return (self.folder / "comment.md").read_text("utf-8", "replace")


@pytest.fixture
def comment(tmp_path: Path) -> Comment:
    if shutil.which("jq") is None:
        pytest.skip("needs jq, for the filters that gh evaluates by itself")
    return Comment(tmp_path)


def test_the_comment_workflow_runs_no_code_of_a_request() -> None:
    found, checked = workflow("comment.yml"), workflow("submission.yml")
    assert found[True] == {"workflow_run": {"workflows": [checked["name"]], "types": ["completed"]}}
    assert found["permissions"] == {}
    job = found["jobs"]["post"]
    rights = {"actions": "read", "contents": "read", "pull-requests": "write"}
    assert (list(found["jobs"]), job["permissions"]) == (["post"], rights)
    assert "github.event.workflow_run.event == 'pull_request'" in job["if"]
    assert job["defaults"] == {"run": {"shell": "bash"}}
    assert used(job["steps"]) == []  # no checkout, so no code of the repository
    commands = " ".join(step["run"] for step in job["steps"])
    assert not re.search(r"\b(python|pip|bdlbench|eval|source)\b", commands)


HEADING = f"[Check](https://a/runs/7) of {SHA}:\n\n"


def test_the_output_of_the_check_is_in_a_fence(comment: Comment) -> None:
    assert comment.post() == f"{HEADING}```\n2 runs checked\n\n```\n"
    assert not (comment.folder / "gone").exists()


@pytest.mark.parametrize(
    "left",
    [b"```\n@everyone", b"`````\n<!--", b"\xff\x00```\r@a", b"~~~\n" + b"`" * 70_000 + b"@b"],
)
def test_no_output_closes_the_fence(comment: Comment, left: bytes) -> None:
    comment.artifact = left
    text = comment.post()
    assert text is not None
    assert text.startswith(f"{HEADING}```\n")
    assert text.endswith("\n```\n")
    assert text.count("`") == 6


def test_a_long_output_is_truncated(comment: Comment) -> None:
    comment.artifact = "−".encode() * 80_000
    assert 20_000 <= len(comment.post() or "") < 65_536


def test_a_huge_output_is_refused(comment: Comment) -> None:
    comment.artifact = bytes(2**18 + 1)
    with pytest.raises(subprocess.CalledProcessError):
        comment.post()
    assert not (comment.folder / "posted").exists()


@pytest.mark.parametrize("change", [{"requests": []}, {"head": "stranger:another"}])
def test_an_updated_request_gets_no_comment(comment: Comment, change: dict[str, Any]) -> None:
    vars(comment).update(change)
    comment.requests = comment.requests[:1]
    assert comment.post() is None


@pytest.mark.parametrize(
    "files",
    [
        [{"filename": ".github/workflows/submission.yml"}],
        [RUNS, {"filename": "bdlbench/verification/review.py"}],
        [{**RUNS, "previous_filename": "bdlbench/verification/review.py"}],
        [RUNS] * 300,
    ],
)
def test_a_check_that_could_be_forged_is_not_shown(
    comment: Comment, files: list[dict[str, str]]
) -> None:
    comment.files = files
    text = comment.post()
    assert text is not None
    assert "2 runs checked" not in text
    assert "files outside results/" in text


def test_a_failed_check_is_reported(comment: Comment) -> None:
    comment.conclusion = "failure"
    text = comment.post()
    assert text is not None
    assert "2 runs checked" not in text
    assert "see its log" in text
