"""Files of data sets: found in folders, or downloaded from a list of mirrors."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pooch
import requests
from requests import RequestException

from bdlbench.errors import DataError, DataMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

ANSWER = 3.0  # seconds in which some mirror must answer at all: the cost of a dead network
TIMEOUT = 5.0  # seconds to connect, and for each read
CHUNK = 1 << 16  # bytes


class Probe(threading.Thread):
    """A request for any answer of a mirror, in a thread, since looking up a name has no timeout.

    Args:
        url: Address of a file.
        seconds: Time in which the mirror must answer.
    """

    def __init__(self, url: str, seconds: float = ANSWER) -> None:
        super().__init__(daemon=True)
        self.url, self._seconds, self._reason = url, seconds, ""
        self._deadline = time.monotonic() + seconds
        self.start()

    def run(self) -> None:
        """Send the request."""
        try:
            requests.head(self.url, timeout=self._seconds)
        except (OSError, ValueError) as error:  # OSError includes RequestException
            self._reason = str(_first(error))

    def failure(self) -> str:
        """Wait for the answer; return why there is none, or an empty string."""
        self.join(max(0.0, self._deadline - time.monotonic()))
        return f"no answer within {self._seconds:g} s" if self.is_alive() else self._reason


def fetch(
    urls: Sequence[str],
    target: Path,
    md5: str,
    *,
    timeout: float = TIMEOUT,
    answer: float = ANSWER,
) -> None:
    """Download a file atomically from the first mirror that has it with the expected checksum.

    If stderr is a terminal, it displays a progress bar. Proxies are taken from the environment.

    Args:
        urls: Addresses of the same file, tried in order.
        target: Path of the file; its folder is created if necessary.
        md5: Expected MD5, in hexadecimal.
        timeout: Seconds to wait for data from a mirror.
        answer: Seconds in which it must answer at all; all mirrors are asked at once.

    Raises:
        DataMissing: Every mirror failed; the message gives the reasons.
        DataError: The file cannot be written.
    """
    pooch.get_logger().setLevel("ERROR")  # no log messages: errors are raised
    download = pooch.HTTPDownloader(sys.stderr.isatty(), CHUNK, timeout=timeout)
    reasons = []
    for probe in [Probe(url, answer) for url in urls]:
        url = probe.url
        if failure := probe.failure():
            reasons.append(f"{url}: {failure}")
            continue
        try:
            pooch.retrieve(url, f"md5:{md5}", target.name, target.parent, downloader=download)
            target.chmod(0o644)  # pooch makes it readable by the owner only
            return
        except (RequestException, ValueError) as error:
            reasons.append(f"{url}: {_first(error)}")
        except OSError as error:
            remedy = "name a writable folder with --data-dir"
            reason = getattr(_first(error), "strerror", None) or error
            raise DataError(f"cannot write {target}: {reason}; {remedy}") from error
    raise DataMissing(f"{target.name} could not be downloaded ({'; '.join(reasons)})")


def existing(places: Sequence[str], folders: Sequence[Path]) -> Path | None:
    """Return the first of some places, relative paths, that exists in a folder, or None."""
    paths = [folder / place for folder in folders for place in places]
    return next((path for path in paths if path.exists()), None)


def obtain(
    name: str, places: Sequence[str], urls: Sequence[str], md5: str, folders: Sequence[Path]
) -> Path:
    """Return the path of a file, which is downloaded to the first writable folder if needed.

    Args:
        name: Name of the data set, for messages.
        places: Relative paths at which the file, or an unpacked copy, may be in every folder; a
            download is stored at the last of them.
        urls: Addresses of the file, tried in order.
        md5: MD5 of a download; local copies may be packed in another way.
        folders: Folders to search, in order.

    Raises:
        DataMissing: It was not found and cannot be downloaded.
        ValueError: No folder is given.
    """
    if not folders:
        raise ValueError("expected at least one folder to search for data, got none")
    if (found := existing(places, folders)) is not None:
        return found
    target = _first_writable(folders) / places[-1]
    try:
        fetch(urls, target, md5)
    except DataMissing as error:
        raise DataMissing(
            f"{name} is not on disk and cannot be downloaded; set BDLBENCH_DATA or "
            "--data-dir; details: bdlbench doctor"
        ) from DataMissing(f"{error}, and is not in {', '.join(map(str, folders))}")
    return target


def _first_writable(folders: Sequence[Path]) -> Path:
    for folder in folders:
        # A folder that does not exist yet is created in its closest existing ancestor.
        closest = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if closest.is_dir() and os.access(closest, os.W_OK | os.X_OK):
            return folder
    return folders[-1]  # `fetch` raises the reason


def _first(error: BaseException) -> BaseException:
    """Return the root cause of an error, which has the shortest message."""
    while error.__context__ is not None:
        error = error.__context__
    return error
