"""Call functions in separate processes, within limits, through Python's fork server.

The exit of such a process is reported. The caller's main module, which may be a script without
a guard, is not imported again. The other side is `bdlbench.execution.child`.
"""

from __future__ import annotations

import atexit
import importlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import forkserver, reduction, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from typing import Any

import psutil

from bdlbench.execution import environment
from bdlbench.execution.child import CALLER, TO_END, answer, end

INTERVAL = 0.2  # seconds between two looks at the limits
PRELOADED = "bdlbench.execution.preloaded"
GONE = "the process that it was forked from has ended"


@dataclass(frozen=True)
class Limits:
    """The limits of a run.

    Args:
        timeout: Seconds of wall-clock time, evaluation included.
        memory: Bytes of resident memory, of the run's process and what it starts.
    """

    timeout: float | None = None
    memory: int | None = None


UNLIMITED = Limits()


class Ended(Exception):  # noqa: N818 -- it is an outcome
    """A call whose process died or was killed.

    Args:
        outcome: As in a record.
        reason: Why.
    """

    def __init__(self, outcome: str, reason: str) -> None:
        super().__init__(outcome, reason)
        self.outcome, self.reason = outcome, reason


class Stopped(Exception):  # noqa: N818 -- it is no error
    """A call that was cancelled because the command was interrupted."""


class Descriptor:
    """An open file as an argument of a call; the function receives its descriptor, an integer."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _detach, (reduction.DupFd(self._number),)


def _detach(passed: Any) -> int:
    return int(passed.detach())


_context = multiprocessing.get_context("forkserver")
_lock = threading.Lock()  # processes are started, and their exit codes read, by one thread alone
_stopping = threading.Event()
_answered = threading.Event()  # the server has started a process: it has imported all


def start(modules: Iterable[str] = ()) -> None:
    """Start the fork server, unless it runs: it imports in the background what runs need.

    Args:
        modules: What else it imports.
    """
    with _lock:
        chosen = {**environment.for_runs(), CALLER: str(os.getpid())}
        before = {name: os.environ.get(name) for name in chosen}
        resource_tracker.ensure_running()  # now, since it unblocks the signals
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, TO_END)  # the server inherits it
        os.environ.update(chosen)
        try:
            _ensure_running([PRELOADED, *modules])
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)


def _ensure_running(preload: list[str]) -> None:
    _context.set_forkserver_preload(preload)
    try:
        forkserver.ensure_running()
    except ChildProcessError:  # it is not ours: we are a fork of the process that started it
        importlib.reload(forkserver)  # which forgets it
        _ensure_running(preload)


def stop() -> None:
    """Cancel all calls; each raises `Stopped`."""
    _stopping.set()
    _abandon()


@atexit.register
def _abandon() -> None:
    """End the server if it is still importing, which takes seconds: it would not notice a stop."""
    pid: int | None = vars(forkserver._forkserver)["_forkserver_pid"]
    if pid is not None and not _answered.is_set():
        with suppress(psutil.NoSuchProcess):
            if (server := psutil.Process(pid)).ppid() == os.getpid():  # else it is not ours
                server.kill()


def go_on() -> None:
    """Allow calls after `stop`."""
    _stopping.clear()


def pause(seconds: float) -> None:
    """Wait a while.

    Raises:
        Stopped: `stop` was called.
    """
    if _stopping.wait(seconds):
        raise Stopped


def call(function: Callable[..., Any], *arguments: Any, limits: Limits = UNLIMITED) -> Any:
    """Call a function in a separate process, and return its result.

    Args:
        function: It must be importable.
        arguments: Of the function; files are passed as a `Descriptor`.
        limits: What it may take.

    Raises:
        Ended: The process died, or had to be killed.
        Stopped: `stop` was called.
        Exception: What the function raised.
    """
    start()
    ours, theirs = _context.Pipe(duplex=False)
    process = _context.Process(target=answer, args=(theirs, function, arguments))
    with ours:
        try:
            with theirs, _lock, _main_hidden():
                pause(0)  # a `stop` during `start` ended the server, which `start` then replaced
                process.start()
                _answered.set()
        except (ConnectionError, EOFError):
            if _stopping.is_set():
                raise Stopped from None
            raise Ended("crashed", GONE) from None
        assert process.pid is not None
        try:
            returned, error = _watch(process, process.pid, ours, limits)
        finally:
            end(process.pid, os.getpid())
            process.join()
    if error is not None:
        raise error
    return returned


@contextmanager
def _main_hidden() -> Iterator[None]:
    """Start processes that do not import this one's main module."""
    main, current = vars(sys.modules["__main__"]), multiprocessing.current_process()
    hidden: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    daemon, current.daemon = current.daemon, False  # a worker of Dask is one, and may start none
    main.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        main.update(hidden)
        current.daemon = daemon


def _watch(
    process: ForkServerProcess, pid: int, channel: Connection, limits: Limits
) -> tuple[Any, Exception | None]:
    started = time.monotonic()
    while True:
        ready = wait([channel, process.sentinel], INTERVAL)
        if channel in ready:
            with suppress(EOFError, OSError):
                return channel.recv()  # type: ignore[no-any-return]
        if _stopping.is_set():  # checked first, since `stop` ends processes
            raise Stopped
        if process.sentinel in ready:
            raise Ended("crashed", _describe(process, pid))
        if channel in ready:  # closed, and its process is about to die
            time.sleep(0.01)
        _check(limits, time.monotonic() - started, pid)


def _check(limits: Limits, seconds: float, pid: int) -> None:
    if limits.timeout is not None and seconds > limits.timeout:
        raise Ended("timed out", f"timeout after {limits.timeout:g} s")
    if limits.memory is not None:
        taken = 0
        with suppress(psutil.NoSuchProcess):
            taken += psutil.Process(pid).memory_info().rss
            for member in psutil.Process(pid).children(recursive=True):
                taken += member.memory_info().rss
        if taken > limits.memory:
            raise Ended(
                "out of memory", f"it exceeded the memory limit of {limits.memory / 1e9:.3g} GB"
            )


def _describe(process: ForkServerProcess, pid: int) -> str:
    with _lock:
        code = process.exitcode or 0
    if psutil.pid_exists(pid):
        return GONE
    if code >= 0:
        return f"its process ended with exit status {code}"
    why = ", possibly out of memory" if -code == signal.SIGKILL else ""
    return f"its process was ended by signal {-code} ({signal.Signals(-code).name}){why}"
