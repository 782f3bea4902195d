"""Downloads from a list of mirrors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pooch
from requests import RequestException

from bdlbench.errors import DataError, DataMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT = 5.0  # seconds to connect, and for each read; offline, each mirror may take this long
CHUNK = 1 << 16  # bytes


def fetch(urls: Sequence[str], target: Path, md5: str, *, timeout: float = TIMEOUT) -> None:
    """Download a file atomically from the first mirror that has it with the expected checksum.

    If stderr is a terminal, it displays a progress bar. Proxies are taken from the environment.

    Args:
        urls: Addresses of the same file, tried in order.
        target: Path of the file; its folder is created if necessary.
        md5: Expected MD5, in hexadecimal.
        timeout: Seconds to wait for a mirror to answer.

    Raises:
        DataMissing: Every mirror failed; the message gives the reasons.
        DataError: The file cannot be written.
    """
    pooch.get_logger().setLevel("ERROR")  # no log messages: errors are raised
    download = pooch.HTTPDownloader(sys.stderr.isatty(), CHUNK, timeout=timeout)
    reasons = []
    for url in urls:
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


def _first(error: BaseException) -> BaseException:
    """Return the root cause of an error, which has the shortest message."""
    while error.__context__ is not None:
        error = error.__context__
    return error
