"""Locks of runs, so that no two processes execute one at once; a lock ends with its owners.

A lock is ``<results>/locks/<run>``, held by flock(2): the system releases it with the last process
that has it open. Its content is how far the run is. Where results are behind
a URL there are no locks.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bdlbench.execution.processes import Descriptor
from bdlbench.execution.progress import Stage
from bdlbench.storage.files import cannot_write
from bdlbench.storage.locations import is_local

STARTING = "starting"  # the phase of a run that has reported nothing
WORD = 12  # characters of a phase, so that a shorter word covers a longer one


class Lock:
    """The lock of a run. Its release is final, even if other processes have the file open.

    Its file is deleted then: who still has it open locks nothing that can be found.

    Args:
        path: The locked file.
        held: Its descriptor; none for a URL.
    """

    def __init__(self, path: Path, held: list[int]) -> None:
        self._path, self.held = path, held

    @property
    def passed(self) -> Descriptor | None:
        """The descriptor, which the run's process holds open as well."""
        return next(map(Descriptor, self.held), None)

    def __enter__(self) -> Lock:
        return self

    def __exit__(self, *error: object) -> None:
        for descriptor in self.held:
            with suppress(OSError):
                self._path.unlink()
            os.close(descriptor)


def path_of(results: Path, run: str) -> Path:
    """Return the path of a run's lock."""
    return results / "locks" / run


def acquire(results: Path, run: str) -> Lock | None:
    """Lock a run; return None if another process has it.

    Raises:
        RecordError: The folder cannot be written to.
    """
    path = path_of(results, run)
    if not is_local(results):
        return Lock(path, [])
    try:
        return _acquire(path)
    except OSError as error:
        raise cannot_write(results, error) from error


def _acquire(path: Path) -> Lock | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_there(path, descriptor):
                os.ftruncate(descriptor, 0)
                return Lock(path, [descriptor])
        except BlockingIOError:
            os.close(descriptor)
            return None
        os.close(descriptor)  # its last owner has just deleted it


def _is_there(path: Path, descriptor: int) -> bool:
    try:
        return path.stat().st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False


def reporter(descriptor: int | None) -> Callable[[str, float], None]:
    """Return a function that writes the phase and the fraction done into a lock that is held."""
    before = ""

    def report(phase: str, fraction: float) -> None:
        nonlocal before
        content = f"{fraction:.4f} {phase:<{WORD}}"
        if descriptor is not None and content != before:
            before = content
            # A number lost (the disk is full) costs a bar; it must not cost a run.
            with suppress(OSError):
                os.pwrite(descriptor, content.encode(), 0)

    return report


def under_way(results: Path) -> dict[str, Stage]:
    """Return the runs that are locked, and how far each is."""
    if not is_local(results) or not (results / "locks").is_dir():
        return {}
    found = {}
    for entry in os.scandir(results / "locks"):
        with suppress(FileNotFoundError), open(entry.path, "rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                found[entry.name] = _parse(file.read().decode())
    return found


def _parse(content: str) -> Stage:
    fraction, _, phase = content.partition(" ")
    return Stage(phase.strip(), float(fraction)) if content else Stage(STARTING, 0.0)
