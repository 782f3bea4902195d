"""Reading of untrusted files, and atomic writing."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bdlbench.errors import RecordError
from bdlbench.storage.locations import is_local

_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def read_bytes(path: Path, most: int) -> bytes:
    """Read a plain file: no link, which could lead anywhere, and no pipe, which could block.

    Args:
        path: A local path, or a `UPath`, which has no links.
        most: Maximum size in bytes.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is not a plain file, or is too large.
    """
    if not isinstance(path, Path):
        content: bytes = path.read_bytes()
        _check_size(len(content), most)
        return content
    if path.is_symlink():
        raise ValueError("expected a plain file, got a link")
    with open(os.open(path, _FLAGS), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise ValueError("expected a plain file, got something else")
        _check_size(status.st_size, most)
        content = file.read(most + 1)
        _check_size(len(content), most)  # it may have grown since fstat
        return content


def _check_size(size: int, most: int) -> None:
    if size > most:
        raise ValueError(f"expected at most {most} bytes, got {size}")


def write_file(path: Path, text: str) -> None:
    """Write a small text file atomically; see `write_bytes`."""
    write_bytes(path, (text + "\n").encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically.

    Raises:
        RecordError: The file cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not is_local(path):
            path.write_bytes(content)  # atomic: object stores create a file when it is closed
            return
        partial.write_bytes(content)
        sync(partial)
        partial.replace(path)
    except OSError as error:
        raise cannot_write(path.parent, error) from error
    finally:
        with suppress(OSError):
            partial.unlink()


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Yield a temporary folder next to `target`, to be filled and then passed to `swap`."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)  # left by a killed process with the same id
        partial.mkdir(parents=True)
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def swap(partial: Path, target: Path) -> None:
    """Rename `partial` to `target`, replacing an existing folder."""
    if target.exists():
        old = target.with_name(f".{target.name}.{os.getpid()}.old")
        shutil.rmtree(old, ignore_errors=True)
        target.rename(old)
        try:
            partial.rename(target)
        except BaseException:
            old.rename(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    else:
        partial.rename(target)
    sync(target.parent)


def sync(path: Path) -> None:
    """Sync a file or folder to disk, so that a power failure cannot leave an empty record."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(results: Path, error: OSError) -> RecordError:
    """Return the error to raise if the results cannot be written."""
    return RecordError(
        f"cannot write to {results} ({error.strerror or error}); free or repair it, or choose "
        "another with --results"
    )
