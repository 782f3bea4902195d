"""Carry out each run in a process of its own, within limits; whatever becomes of it is a record."""

from __future__ import annotations

import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection, wait
from typing import Any

import psutil

from bdlbench.execution.server import Server

INTERVAL = 0.2  # seconds between two looks at the limits


@dataclass(frozen=True)
class Limits:
    """Say what a run may take.

    Args:
        timeout: Seconds of wall-clock time, evaluation included.
        memory: Bytes of resident memory, of the run's process and what it starts.
    """

    timeout: float | None = None
    memory: int | None = None


UNLIMITED = Limits()


class Ended(Exception):  # noqa: N818 -- it is an outcome
    """Report a call that did not come to its end.

    Args:
        outcome: As it stands in a record.
        reason: Why.
    """

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(outcome, reason)
        self.outcome, self.reason = outcome, reason


class Stopped(Exception):  # noqa: N818 -- nobody handles it
    """Report a call that was given up because the command was interrupted."""


_lock = threading.Lock()
_stopping = threading.Event()


def server() -> Server:
    """Return this process's forkserver, started if there is none.

    Called early, it imports what runs need while this process imports what it needs.
    """
    with _lock:
        if not _start().is_alive:
            _start().close()
            _start.cache_clear()
        return _start()


@cache
def _start() -> Server:
    return Server()


def prepare(
    key: object, function: Callable[..., object], *arguments: Any, held: Sequence[int] = ()
) -> None:
    """Have a call made by the forkserver, if there is one: what it loads, all processes share.

    Args:
        key: What to call it, so that it need not be made again.
        function: It must be importable; descriptors of what is held are its last arguments.
        arguments: Its first ones.
        held: Descriptors of files.
    """
    with _lock:
        there = _start.cache_info().currsize
    if there:
        server().prepare(key, function, *arguments, held=held)


def stop() -> None:
    """End all calls; each raises `Stopped`."""
    _stopping.set()


def go_on() -> None:
    """Allow calls again."""
    _stopping.clear()


def pause(seconds: float) -> None:
    """Wait a while.

    Raises:
        Stopped: `stop` was called.
    """
    if _stopping.wait(seconds):
        raise Stopped


def call(
    function: Callable[..., Any], *arguments: Any, limits: Limits, held: Sequence[int] = ()
) -> Any:
    """Call a function in a process of its own, and return what it returns.

    Args:
        function: It must be importable; descriptors of what is held are its last arguments.
        arguments: Its first ones.
        limits: What it may take.
        held: Descriptors of files that the process is to hold open.

    Raises:
        Ended: The process died, or had to be killed.
        Stopped: `stop` was called.
        Exception: What the function raised.
    """
    channel, status = server().fork(held)
    with channel, status:  # closing them ends the process
        with suppress(BrokenPipeError):  # it has died; how, is said below
            channel.send((function, arguments, sys.path))
        returned, error = _watch(channel, status, limits)
    if error is not None:
        raise error
    return returned


def _watch(channel: Connection, status: Connection, limits: Limits) -> tuple[Any, Exception | None]:
    pid, started = None, math.inf
    while True:
        ready = wait([channel, status], INTERVAL)
        if channel in ready and (answer := _receive(channel)) is not None:
            return answer  # type: ignore[no-any-return]
        if _stopping.is_set():  # first: whatever has ended, has been ended
            raise Stopped
        if status in ready:
            found = _receive(status)
            if pid is None and found is not None:
                pid, started = found, time.monotonic()  # the forkserver had other things to do
            else:
                raise Ended("crashed", _describe(found))
        elif channel in ready:  # closed, and its process is about to die
            time.sleep(0.01)
        if pid is not None:
            _check(limits, time.monotonic() - started, pid)


def _receive(channel: Connection) -> Any:
    try:
        return channel.recv()
    except (EOFError, OSError):
        return None


def _check(limits: Limits, seconds: float, pid: int) -> None:
    if limits.timeout is not None and seconds > limits.timeout:
        raise Ended("timed out", f"it took longer than {limits.timeout:g} s")
    if limits.memory is not None:
        taken = _memory(pid)
        if taken > limits.memory:
            raise Ended("out of memory", f"it took more than {limits.memory / 1e9:.3g} GB")


def _memory(pid: int) -> int:
    """Return the resident memory of a process and of what it has started, in bytes."""
    total = 0
    try:
        family = [psutil.Process(pid)]
        family += family[0].children(recursive=True)
        for member in family:
            total += member.memory_info().rss
    except psutil.NoSuchProcess:
        pass
    return total


def _describe(code: int | None) -> str:
    if code is None:
        return "the process that it was forked from has ended"
    if code >= 0:
        return f"its process ended with exit status {code}"
    why = ", perhaps for want of memory" if -code == signal.SIGKILL else ""
    return f"its process was ended by signal {-code} ({signal.Signals(-code).name}){why}"
