"""The comment on a pull request: to a server that answers as GitHub's does."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from bdlbench.errors import BdlbenchError
from bdlbench.verification import comment, github

SHA = "1" * 40
ROOT = Path(__file__).parents[2]
RUN: dict[str, Any] = {
    "id": 7,
    "conclusion": "success",
    "event": "pull_request",
    "head_sha": SHA,
    "head_branch": "a&b/../$(c)",
    "head_repository": {"owner": {"login": "stranger"}},
    "html_url": "https://github.com/us/it/actions/runs/7",
}


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for name, text in files.items():
            made.writestr(f"{name}.md", text)
    return buffer.getvalue()


class GitHub:
    """Hold a repository as far as the comment needs it, and answer for it."""

    def __init__(self) -> None:
        self.sha, self.zip = SHA, archive(difference="")
        self.files = [{"filename": "results/runs/a/record.json"}]
        self.comments: list[dict[str, Any]] = []
        self.tokens: list[tuple[str, str | None]] = []
        hub = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments: object) -> None:
                pass

            def handle_one(self) -> None:
                hub.tokens.append((self.path, self.headers["Authorization"]))
                if self.path.endswith("/zip"):
                    self.send_response(302)
                    self.send_header("Location", "/elsewhere")
                    self.end_headers()
                    return
                size = int(self.headers.get("Content-Length", 0))
                content = json.loads(self.rfile.read(size)) if size else None
                answer = hub.answer(self.command, self.path.removeprefix("/repos/us/it/"), content)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PATCH = handle_one  # noqa: N815

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.api = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, method: str, path: str, content: Any) -> bytes:
        if path == "/elsewhere":
            return self.zip
        name, _, query = path.partition("?")
        if (method, name) == ("POST", "issues/12/comments"):
            self.comments.append({"id": 99, "user": {"login": github.AUTHOR}, **content})
        elif method == "PATCH":
            next(c for c in self.comments if f"issues/comments/{c['id']}" == name).update(content)
        answers: dict[str, Any] = {
            "pulls": self.requests(query),
            f"compare/{'b' * 40}...{SHA}": {"files": self.files},
            "actions/runs/7/artifacts": {"artifacts": [{"id": 5, "expired": False}]},
            "issues/12/comments": self.comments[:100]
            if query.endswith("page=1")
            else self.comments[100:],
        }
        return json.dumps(answers.get(name, {})).encode()

    def requests(self, query: str) -> list[dict[str, Any]]:
        if query != "state=open&head=stranger%3Aa%26b%2F..%2F%24%28c%29&per_page=100":
            return []
        others = [{"number": 11, "head": {"sha": "2" * 40}, "base": {"sha": "b" * 40}}]
        return [*others, {"number": 12, "head": {"sha": self.sha}, "base": {"sha": "b" * 40}}]

    def post(self, **changes: Any) -> str:
        return github.post(github.Repository(f"{self.api}/repos/us/it", "secret"), RUN | changes)

    @property
    def bodies(self) -> list[str]:
        return [one["body"] for one in self.comments if one["id"] == 99]


@pytest.fixture
def hub() -> Iterator[GitHub]:
    made = GitHub()
    yield made
    made.server.shutdown()
    made.server.server_close()


def test_the_text_is_escaped_and_posted_once(hub: GitHub) -> None:
    hub.zip = archive(difference="2 runs checked\n@everyone ![](http://a)\n")
    assert hub.post() == "posted the comment on #12"
    expected = f"{github.MARK}\n[Check]({RUN['html_url']}) of {SHA}:\n\n2 runs checked\n"
    assert hub.bodies == [f"{expected}`@everyone ![](http://a)`\n"]
    hub.zip = archive(difference="3 runs checked\n")
    assert hub.post() == "changed the comment on #12"
    assert hub.bodies == [expected.replace("2 runs", "3 runs")]


def test_the_token_stays_with_github(hub: GitHub) -> None:
    hub.post()
    assert ("/elsewhere", None) in hub.tokens
    assert {token for path, token in hub.tokens if path != "/elsewhere"} == {"Bearer secret"}


def test_only_our_own_comment_is_changed(hub: GitHub) -> None:
    theirs = {"id": 1, "user": {"login": "stranger"}, "body": github.MARK}
    other = {"id": 2, "user": {"login": github.AUTHOR}, "body": "of another workflow"}
    hub.comments = [theirs, other, *({**other, "id": 3} for _ in range(100))]
    before = json.dumps(hub.comments)
    assert hub.post() == "posted the comment on #12"
    assert json.dumps(hub.comments[:-1]) == before
    assert hub.post() == "changed the comment on #12"  # though it is on the second page


def test_a_request_that_has_gone_on_gets_no_comment(hub: GitHub) -> None:
    hub.sha = "3" * 40
    assert hub.post() == f"no open request has {SHA} for its newest commit"
    assert hub.post(head_branch="another").startswith("no open request")
    assert not hub.comments


RUNS = {"filename": "results/runs/a/record.json"}


@pytest.mark.parametrize(
    "files",
    [
        [{"filename": ".github/workflows/submission.yml"}],
        [RUNS, {"filename": "bdlbench/verification/review.py"}],
        [{**RUNS, "previous_filename": "bdlbench/verification/review.py"}],
        [RUNS] * 300,
    ],
)
def test_a_check_that_could_be_made_up_is_not_shown(
    hub: GitHub, files: list[dict[str, str]]
) -> None:
    hub.files, hub.zip = files, archive(difference="all is well")
    hub.post()
    (body,) = hub.bodies
    assert "all is well" not in body
    assert "more than results/" in body


def test_a_check_that_failed_is_said_to_have_failed(hub: GitHub) -> None:
    hub.zip = archive(difference="all is well")
    hub.post()
    hub.post(conclusion="failure")
    (body,) = hub.bodies
    assert "all is well" not in body
    assert "its log says what" in body


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (archive(other=""), "expected difference.md alone"),
        (archive(difference="", other=""), "expected difference.md alone"),
        (archive(difference="x" * (comment.LARGEST + 1)), f"at most {comment.LARGEST} bytes"),
        (os.urandom(2**24 + 1), "expected at most 16777216 bytes from"),
    ],
)
def test_any_other_artifact_is_refused(hub: GitHub, content: bytes, message: str) -> None:
    hub.zip = content
    with pytest.raises(BdlbenchError, match=message):
        hub.post()
    assert not hub.comments


def test_the_command_as_the_workflow_calls_it(hub: GitHub, tmp_path: Path) -> None:
    hub.zip = archive(difference="2 runs checked\n")
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"repository": {"full_name": "us/it"}, "workflow_run": RUN}))
    names = {"GITHUB_EVENT_PATH": str(event), "GITHUB_API_URL": hub.api, "GITHUB_TOKEN": "secret"}
    # Without any installed package, as there.
    command = [sys.executable, "-S", "-m", "bdlbench.verification.github"]
    done = subprocess.run(command, cwd=ROOT, env=names, capture_output=True, text=True, check=True)
    assert done.stdout == "posted the comment on #12\n"
    assert hub.bodies[0].endswith("2 runs checked\n")
