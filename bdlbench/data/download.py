"""Download a file from the first mirror that delivers it whole."""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.request
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.error import URLError

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from bdlbench.errors import DataError, DataMissing

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TIMEOUT = 5.0  # seconds for connecting and for each read: offline, every mirror fails this soon
CHUNK = 1 << 16  # bytes


def fetch(urls: Sequence[str], target: Path, md5: str, *, timeout: float = TIMEOUT) -> None:
    """Download `target` from the first of `urls` that delivers a file with this checksum.

    The file lands whole or not at all. It is held in memory until it is verified, so this is for
    files of megabytes. A bar on stderr shows the progress if that is a terminal. Proxies are taken
    from the environment.

    Args:
        urls: Addresses of the same file, tried in order.
        target: Where it goes; the folder is made if need be.
        md5: Expected MD5, in hexadecimal.
        timeout: Seconds to wait for a mirror to answer.

    Raises:
        DataMissing: No mirror delivered; the message gives each one's reason.
        DataError: The file cannot be written.
    """
    reasons = []
    for url in urls:
        try:
            content = _receive(url, timeout)
        except (OSError, ValueError, http.client.HTTPException) as error:
            reasons.append(f"{url}: {_reason(error)}")
            continue
        got = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if got == md5:
            _write(target, content)
            return
        reasons.append(f"{url}: expected MD5 {md5}, got {got}")
    raise DataMissing(f"{target.name} could not be downloaded ({'; '.join(reasons)})")


def _receive(url: str, timeout: float) -> bytes:
    # Not urlopen: it would keep the proxies of its first call for good.
    opener = urllib.request.build_opener()
    with opener.open(url, timeout=timeout) as response, _progress() as progress:
        length = response.headers.get("Content-Length")
        total = None if length is None else int(length)
        task = progress.add_task(url.rpartition("/")[2], total=total)
        content = bytearray()
        while chunk := response.read(CHUNK):
            content += chunk
            progress.update(task, completed=len(content))
    if total is not None and len(content) < total:
        raise ConnectionError(f"truncated, expected {total} bytes, got {len(content)}")
    return bytes(content)


def _write(target: Path, content: bytes) -> None:
    partial = target.with_name(f"{target.name}.{uuid.uuid4().hex}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except OSError as error:
        cure = "name a folder that can be written with --data-dir"
        raise DataError(f"cannot write {target}: {error.strerror or error}; {cure}") from error
    finally:  # also after Ctrl-C
        with suppress(OSError):
            partial.unlink()


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
    )
    console = Console(stderr=True)
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _reason(error: Exception) -> str:
    # An HTTPError is a URLError too, but its text says more than its reason.
    said = error.reason if type(error) is URLError else error
    return " ".join(str(said).split()) or type(error).__name__
