"""Download a file from the first mirror that delivers it whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pooch
from requests import RequestException

from bdlbench.errors import DataError, DataMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMEOUT = 5.0  # seconds for connecting and for each read: offline, every mirror fails this soon
CHUNK = 1 << 16  # bytes


def fetch(urls: Sequence[str], target: Path, md5: str, *, timeout: float = TIMEOUT) -> None:
    """Download `target` from the first of `urls` that delivers a file with this checksum.

    The file lands whole or not at all. A bar on stderr shows the progress if that is a terminal.
    Proxies are taken from the environment.

    Args:
        urls: Addresses of the same file, tried in order.
        target: Where it goes; the folder is made if need be.
        md5: Expected MD5, in hexadecimal.
        timeout: Seconds to wait for a mirror to answer.

    Raises:
        DataMissing: No mirror delivered; the message gives each one's reason.
        DataError: The file cannot be written.
    """
    pooch.get_logger().setLevel("ERROR")  # errors are raised; what it does is no news to the user
    download = pooch.HTTPDownloader(sys.stderr.isatty(), CHUNK, timeout=timeout)
    reasons = []
    for url in urls:
        try:
            pooch.retrieve(url, f"md5:{md5}", target.name, target.parent, downloader=download)
            target.chmod(0o644)  # pooch leaves it to the owner alone
            return
        except (RequestException, ValueError) as error:
            reasons.append(f"{url}: {_first(error)}")
        except OSError as error:
            remedy = "name a folder that can be written with --data-dir"
            reason = getattr(_first(error), "strerror", None) or error
            raise DataError(f"cannot write {target}: {reason}; {remedy}") from error
    raise DataMissing(f"{target.name} could not be downloaded ({'; '.join(reasons)})")


def _first(error: BaseException) -> BaseException:
    """Return the root cause of an error, whose message is short."""
    while error.__context__ is not None:
        error = error.__context__
    return error
