"""Post what a pull request changes in the leaderboard, as one comment that is kept up to date.

``python -m bdlbench.verification.github`` is what a workflow runs that may write comments, after
another, which may not, has checked the request. Nothing of the request is executed, or even written
to a file. Which request it is comes from GitHub, never from what the other left. Only the standard
library is needed: nothing is installed where the right is.
"""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from bdlbench.errors import BdlbenchError
from bdlbench.verification import comment

ARTIFACT = "difference"
FILE = "difference.md"
MARK = "<!-- what this request changes -->"
AUTHOR = "github-actions[bot]"
_LARGEST_ANSWER = 2**24  # bytes
_MOST_FILES = 300  # that GitHub names in one answer; a request has 202 at most
_PAGES = range(1, 11)  # of comments, a hundred each
_FAILED = "The check found something wrong, or failed: its log says what."
_FOREIGN = (
    "The request changes more than results/, maybe the check itself; what that says is not shown."
)


class Repository:
    """Call GitHub's REST interface for one repository.

    Args:
        url: Of the interface, with the repository.
        token: That may read the repository and its artifacts, and write comments.
    """

    def __init__(self, url: str, token: str) -> None:
        self._url, self._token = url, token

    def get(self, path: str, **query: Any) -> Any:
        """Return the answer to a question, parsed; raise what `call` raises."""
        return json.loads(self.call("GET", f"{path}?{urlencode(query)}" if query else path))

    def send(self, method: str, path: str, content: Any) -> None:
        """Write something; raise what `call` raises."""
        self.call(method, path, json.dumps(content).encode())

    def call(self, method: str, path: str, data: bytes | None = None) -> bytes:
        """Return the bytes of an answer.

        Raises:
            OSError: There is no answer, or it is an error.
            BdlbenchError: It is larger than any should be.
        """
        request = Request(f"{self._url}/{path}", data, method=method)
        request.add_header("Accept", "application/vnd.github+json")
        request.add_header("Content-Type", "application/json")
        # Artifacts are kept elsewhere: where we are sent on to, the token is not for.
        request.add_unredirected_header("Authorization", f"Bearer {self._token}")
        with urlopen(request, timeout=60) as answer:
            content: bytes = answer.read(_LARGEST_ANSWER + 1)
        if len(content) > _LARGEST_ANSWER:
            raise BdlbenchError(f"expected at most {_LARGEST_ANSWER} bytes from {path}, got more")
        return content


def post(repository: Repository, run: Mapping[str, Any]) -> str:
    """Post or bring up to date the comment on the request that a run of the check was for.

    Args:
        repository: That the request is for.
        run: The check's, as the event has it.

    Returns:
        What was done.
    """
    commit = run["head_sha"]
    request = _request(repository, run)
    if request is None:
        return f"no open request has {commit} for its newest commit"
    text = _text(repository, run, request)
    content = {"body": f"{MARK}\n[Check]({run['html_url']}) of {commit}:\n\n{text}\n"}
    number = request["number"]
    earlier = _earlier(repository, number)
    if earlier is None:
        repository.send("POST", f"issues/{number}/comments", content)
    else:
        repository.send("PATCH", f"issues/comments/{earlier}", content)
    return f"{'posted' if earlier is None else 'changed'} the comment on #{number}"


def _request(repository: Repository, run: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the open request that this run was for; None if it has gone on since."""
    # The event names the request only if its branch is in this repository.
    head = f"{run['head_repository']['owner']['login']}:{run['head_branch']}"
    found = repository.get("pulls", state="open", head=head, per_page=100)
    return next((one for one in found if one["head"]["sha"] == run["head_sha"]), None)


def _text(repository: Repository, run: Mapping[str, Any], request: Mapping[str, Any]) -> str:
    if run["conclusion"] != "success":
        return _FAILED
    if _is_foreign(repository, request):
        return _FOREIGN
    return comment.body(_difference(repository, run["id"]))


def _is_foreign(repository: Repository, request: Mapping[str, Any]) -> bool:
    """Tell whether the request changes anything but results, and so maybe the check itself."""
    compared = repository.get(f"compare/{request['base']['sha']}...{request['head']['sha']}")
    names = [
        file.get(key) for file in compared["files"] for key in ("filename", "previous_filename")
    ]
    return len(compared["files"]) >= _MOST_FILES or any(
        name is not None and not name.startswith("results/") for name in names
    )


def _difference(repository: Repository, run: int) -> str:
    """Return the text that the check left, read from its archive without unpacking it to a disk."""
    found = repository.get(f"actions/runs/{run}/artifacts", name=ARTIFACT)["artifacts"]
    if len(found) != 1 or found[0]["expired"]:
        raise BdlbenchError(f"expected one artifact named {ARTIFACT}, got {len(found)}")
    content = repository.call("GET", f"actions/artifacts/{found[0]['id']}/zip")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if archive.namelist() != [FILE]:
            raise BdlbenchError(f"expected {FILE} alone in the artifact, got something else")
        with archive.open(FILE) as file:
            text = file.read(comment.LARGEST + 1)
    if len(text) > comment.LARGEST:
        raise BdlbenchError(f"expected at most {comment.LARGEST} bytes of text, got more")
    return text.decode("utf-8", "replace")


def _earlier(repository: Repository, number: int) -> int | None:
    """Return the id of our comment on a request, if there is one."""
    for page in _PAGES:
        found = repository.get(f"issues/{number}/comments", per_page=100, page=page)
        for one in found:
            if one["user"]["login"] == AUTHOR and one["body"].startswith(MARK):
                return int(one["id"])
        if len(found) < 100:
            break
    return None


if __name__ == "__main__":
    event = json.loads(Path(os.environ["GITHUB_EVENT_PATH"]).read_text("utf-8"))
    place = f"{os.environ['GITHUB_API_URL']}/repos/{event['repository']['full_name']}"
    print(post(Repository(place, os.environ["GITHUB_TOKEN"]), event["workflow_run"]))
