"""Read files that a stranger may have put there."""

from __future__ import annotations

import os
import stat
from pathlib import Path

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
