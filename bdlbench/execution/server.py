"""Start a forkserver, as a fork of a command that has just begun or on its own, and talk to it."""

from __future__ import annotations

import atexit
import gc
import os
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import psutil

from bdlbench.execution.forkserver import main as serve
from bdlbench.execution.forkserver import preload

# A run computes on one thread. The libraries read this when they are loaded.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Server:
    """Own a forkserver; it ends with this process."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair()
        self._process = _launch(self._control, theirs)
        theirs.close()
        self._prepared: set[Any] = set()
        self._owner = os.getpid()
        atexit.register(self.close)

    @property
    def pid(self) -> int:
        """Its process's id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        if self._owner != os.getpid():
            return False
        try:
            self._process.wait(0)
        except psutil.TimeoutExpired:
            return True
        return False

    def close(self) -> None:
        """End it, and all that it has forked."""
        self._control.close()  # which ends it
        if self._owner == os.getpid():  # a fork of its owner has no say
            with suppress(psutil.NoSuchProcess):
                self._process.kill()  # it may still be importing
            self._process.wait()

    def fork(self, held: Sequence[int]) -> tuple[Connection, Connection]:
        """Have a process forked; return a channel for its call, and one that tells its end."""
        channel, status = self._request(b"r", 2, held)
        return channel, status

    def has(self, key: object) -> bool:
        """Tell whether the call of this key was made."""
        return key in self._prepared

    def prepare(
        self,
        key: object,
        function: Callable[..., object],
        *arguments: Any,
        held: Sequence[int] = (),
    ) -> None:
        """Have a call made for all processes to come; see `isolation.prepare`."""
        self._prepared.add(key)
        (channel,) = self._request(b"p", 1, held)
        with channel:
            channel.send((function, arguments))

    def forget(self) -> None:
        """Forget what was prepared: it is out of date."""
        self._prepared.clear()

    def _request(self, kind: bytes, channels: int, held: Sequence[int]) -> tuple[Connection, ...]:
        pairs = [socket.socketpair() for _ in range(channels)]
        theirs = [second.fileno() for _, second in pairs]
        socket.send_fds(self._control, [kind], [*theirs, *held])
        for _, second in pairs:
            second.close()
        return tuple(Connection(first.detach()) for first, _ in pairs)


def _launch(ours: socket.socket, theirs: socket.socket) -> psutil.Process:
    """Start a forkserver.

    A fork spares it to import what this process imports as well, torch above all, which takes
    seconds. That is safe while there is one thread alone, and right while no library is loaded that
    has taken all cores for itself: at the beginning of a command, but not in a notebook.

    Args:
        ours: This process's end of the channel for requests.
        theirs: The forkserver's.
    """
    if sys.platform != "linux" or "numpy" in sys.modules:
        return _spawn(theirs)
    before = dict(os.environ)
    os.environ.update(ONE_THREAD)
    try:
        preload()
    finally:
        os.environ.clear()
        os.environ.update(before)
    if len(os.listdir("/proc/self/task")) > 1:
        return _spawn(theirs)
    gc.freeze()  # the collector would write to memory that is shared
    pid = os.fork()
    if pid == 0:
        try:
            _become(ours, theirs)
            serve()
        finally:
            os._exit(0)
    return psutil.Process(pid)


def _become(ours: socket.socket, theirs: socket.socket) -> None:
    """Leave the command behind: its end of the channel, its standard input and output."""
    os.environ.update(ONE_THREAD)  # for what is loaded later
    ours.close()
    os.dup2(theirs.fileno(), 0)
    os.dup2(2, 1)  # standard output is the table's alone
    theirs.close()


def _spawn(theirs: socket.socket) -> psutil.Process:
    return psutil.Popen(
        [sys.executable, "-m", "bdlbench.execution.forkserver"],
        stdin=theirs.fileno(),
        stdout=2,
        env={**os.environ, **ONE_THREAD},
    )
