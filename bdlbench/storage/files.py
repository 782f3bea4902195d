"""Read untrusted files, and write files atomically."""

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
        path: Of the file; what behaves like a path, but is behind a URL, has no links.
        most: Bytes that it may have.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not a plain file, or larger.
    """
    if not isinstance(path, Path):
        content: bytes = path.read_bytes()
        _check_size(len(content), most)
        return content
    if path.is_symlink():
        raise ValueError("expected a plain file, got a link")
    with open(os.open(path, _FLAGS), "rb") as file:
        found = os.fstat(file.fileno())
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("expected a plain file, got something else")
        _check_size(found.st_size, most)
        content = file.read(most + 1)
        _check_size(len(content), most)  # it may have grown since
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
        RecordError: It cannot be written.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not is_local(path):
            path.write_bytes(content)  # such a file appears when it is closed
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
    """Yield a temporary folder next to `target`, to be written and then swapped with it."""
    partial = target.with_name(f".{target.name}.{os.getpid()}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)  # of a killed process that had our id
        partial.mkdir(parents=True)
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def swap(partial: Path, target: Path) -> None:
    """Rename `partial` to `target`; an earlier folder there is moved aside first, then deleted."""
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
    """Sync a file or folder: a power failure must not leave an empty record."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(results: Path, error: OSError) -> RecordError:
    """Return the error to raise if results cannot be written to."""
    return RecordError(
        f"cannot write to {results} ({error.strerror or error}); free or repair it, or choose "
        "another folder with --results, and run again: finished runs are not lost"
    )
