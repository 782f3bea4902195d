from __future__ import annotations

import errno
import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from bdlbench.data.download import fetch
from bdlbench.errors import DataError, DataMissing

CLOSING = threading.Event()
PATIENCE = 2.0  # seconds: other mirrors answer at once, but the machine may be busy
CONTENT = bytes(range(256)) * 1000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


class Mirror(BaseHTTPRequestHandler):
    """Serve /good, /unsized, /truncated and /wrong; /silent hangs, other paths return 404."""

    def do_GET(self) -> None:
        bodies = {"/truncated": CONTENT[:1000], "/wrong": CONTENT[::-1]}
        if self.path == "/silent":
            CLOSING.wait()
        elif self.path in ("/good", "/unsized", *bodies):
            self.send_response(200)
            if self.path != "/unsized":
                self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(bodies.get(self.path, CONTENT))
        else:
            self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        server.daemon_threads = True
        server.block_on_close = False
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        CLOSING.set()
        server.shutdown()
        thread.join()


@pytest.fixture
def dead() -> str:
    # Bound and closed, so that no server listens on this port.
    with ThreadingHTTPServer(("127.0.0.1", 0), Mirror) as server:
        return f"http://127.0.0.1:{server.server_port}/dead"


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.mark.parametrize("path", ["good", "unsized"])
def test_a_download_is_complete_and_readable_by_all(server: str, path: str, tmp_path: Path) -> None:
    target = tmp_path / "new" / "folder" / "file.gz"
    fetch([f"{server}/{path}"], target, MD5)
    assert target.read_bytes() == CONTENT
    assert os.listdir(target.parent) == ["file.gz"]
    assert target.stat().st_mode & 0o777 == 0o644, "readable by all"


@pytest.mark.parametrize("first", ["truncated", "wrong", "missing", "dead", "silent"])
def test_the_next_mirror_is_tried_after_a_failure(
    server: str, dead: str, first: str, tmp_path: Path
) -> None:
    url = dead if first == "dead" else f"{server}/{first}"
    fetch([url, f"{server}/good"], tmp_path / "file.gz", MD5, timeout=PATIENCE)
    assert (tmp_path / "file.gz").read_bytes() == CONTENT
    assert os.listdir(tmp_path) == ["file.gz"]


def test_the_error_names_every_mirror_and_its_reason(
    server: str, dead: str, tmp_path: Path
) -> None:
    urls = [dead, *(f"{server}/{path}" for path in ("truncated", "wrong", "missing", "silent"))]
    with pytest.raises(DataMissing) as caught:
        fetch([*urls, "no-url"], tmp_path / "file.gz", MD5, timeout=PATIENCE)
    message = str(caught.value)
    wrong = hashlib.md5(CONTENT[::-1], usedforsecurity=False).hexdigest()
    reasons = [
        f"[Errno {errno.ECONNREFUSED}] {os.strerror(errno.ECONNREFUSED)}",
        f"IncompleteRead(1000 bytes read, {len(CONTENT) - 1000} more expected)",
        f"MD5 hash of downloaded file (file.gz) does not match the known hash: expected md5:{MD5} "
        f"but got {wrong}",
        "404 Client Error: Not Found",
        "timed out",
        "Invalid URL 'no-url'",
    ]
    for url, reason in zip([*urls, "no-url"], reasons, strict=True):
        assert f"{url}: {reason}" in message
    assert "\n" not in message
    assert os.listdir(tmp_path) == []


def test_a_dead_name_server_costs_one_wait_for_all_mirrors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up, back = [], threading.Event()

    def hang(host: str, *rest: object, **options: object) -> None:
        looked_up.append(host)
        back.wait()
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", hang)
    urls = [f"http://{name}.example/file" for name in ("one", "two")]
    with pytest.raises(DataMissing) as caught:
        fetch(urls, tmp_path / "file.gz", MD5, answer=0.2)
    back.set()
    assert str(caught.value).count("no answer within 0.2 s") == 2
    assert sorted(looked_up) == ["one.example", "two.example"], "asked at once, and not again"


def test_an_unwritable_folder_is_named(server: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    target = tmp_path / "file" / "raw" / "file.gz"
    with pytest.raises(DataError, match=r"cannot write .*: Not a directory; name a writable"):
        fetch([f"{server}/good"], target, MD5)


def test_a_full_disk_is_named_and_leaves_no_partial_file(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(shutil, "move", fail)
    with pytest.raises(DataError, match=r"cannot write .*file\.gz: No space left on device; name"):
        fetch([f"{server}/good"], tmp_path / "file.gz", MD5)
    assert os.listdir(tmp_path) == []


def test_there_is_no_progress_bar_without_a_terminal(
    server: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fetch([f"{server}/good"], tmp_path / "file.gz", MD5)
    assert capsys.readouterr() == ("", "")
