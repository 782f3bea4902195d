"""Fork a process for every call from one that has imported all that is heavy, and has no threads.

Python's own forkserver imports the caller's main module again in every process, does not say what a
process died of, and leaves behind what that process started.

A request is a byte and open files, sent through the socket that is this process's standard input.
``r`` is a call: a channel for the call and its result, a channel for the process's id and, in the
end, its exit status, and perhaps a file to hold open (a lock). ``p`` is a call, read from the
channel that comes with it, that this process makes itself, to have it done for those to come; files
that it keeps come along.
Whoever closes the second channel of a call ends it, and all that it has started.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import selectors
import signal
import socket
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from multiprocessing.connection import Connection

import psutil

DIE_WITH_PARENT, ADOPT_ORPHANS = 1, 36  # prctl(2), on Linux
RUNS, MACHINE = "bdlbench.execution.supervision", "bdlbench.runs.machine"
MOST_FILES = 16  # that come with a request


class Server:
    """Serve until the other end of the control socket is closed, and then end everything.

    Args:
        control: Where requests come from.
    """

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._runs: dict[int, Connection] = {}  # where the end of each process is reported
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ, self._receive)
        self._woken, wake = socket.socketpair()
        wake.setblocking(False)
        self._selector.register(self._woken, selectors.EVENT_READ, self._reap)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno())
        self._wake = wake
        self._open = True

    def serve(self) -> None:
        """Answer requests."""
        _prctl(ADOPT_ORPHANS, 1)
        while self._open:
            for key, _ in self._selector.select():
                key.data()
        for pid in list(self._runs):
            self._end(pid)
        self._end_orphans()

    def _receive(self) -> None:
        try:
            request, files, _, _ = socket.recv_fds(self._control, 1, MOST_FILES)
        except ConnectionError:
            request, files = b"", []
        if request == b"r":
            self._fork(*files)
        elif request == b"p":
            _prepare(Connection(files[0]), files[1:])
        else:
            self._open = False

    def _fork(self, channel: int, status: int, *held: int) -> None:
        gc.freeze()  # the collector would write to memory that is shared
        pid = os.fork()
        if pid == 0:
            self._control.close()
            self._wake.close()
            for other in self._runs.values():
                other.close()
            os.close(status)
            _answer(Connection(channel), held)
        with suppress(OSError):  # the child does the same: whoever is first
            os.setpgid(pid, pid)
        for file in (channel, *held):
            os.close(file)
        self._runs[pid] = Connection(status)
        self._selector.register(status, selectors.EVENT_READ, lambda: self._end(pid))
        _tell(self._runs[pid], pid)

    def _end(self, pid: int) -> None:
        """Kill a process and its group."""
        if pid not in self._runs:
            return  # its end and its caller's came to notice at once
        with suppress(KeyError):
            self._selector.unregister(self._runs[pid].fileno())
        for kill in (os.killpg, os.kill):
            with suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)

    def _reap(self) -> None:
        self._woken.recv(4096)
        while pid := _ended():
            if pid in self._runs:
                self._end(pid)  # what it has started; its id stays taken until we have waited
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if pid in self._runs:
                self._end_orphans()
                _tell(self._runs[pid], status)
                self._runs.pop(pid).close()

    def _end_orphans(self) -> None:
        """Kill what left the group of a process that has ended: such become our children."""
        for child in psutil.Process().children():
            if child.pid not in self._runs:
                with suppress(psutil.NoSuchProcess):
                    child.kill()


def _ended() -> int:
    """Return the id of a child that has ended and is not yet waited for; 0 if there is none."""
    try:
        found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return 0
    return found.si_pid if found else 0


def _tell(channel: Connection, content: int) -> None:
    with suppress(OSError):  # nobody listens any more
        channel.send(content)


def _prepare(channel: Connection, held: Sequence[int]) -> None:
    """Make a call for all that come after it; if it fails, theirs will, and will say why."""
    with suppress(Exception), channel:
        function, arguments = channel.recv()
        function(*arguments, *held)
    gc.collect()


def _answer(channel: Connection, held: tuple[int, ...]) -> None:
    """Receive a call in a process of its own, make it, and send what it returns or raises."""
    code, process = 1, os.getpid()
    try:
        _settle()
        function, arguments, sys.path[:] = channel.recv()
        answer: tuple[object, Exception | None]
        try:
            answer = function(*arguments, *held), None
        except Exception as error:
            answer = None, _portable(error)
        if os.getpid() == process:  # else a plugin forked, and this is the copy
            channel.send(answer)
        code = 0
    except (EOFError, BrokenPipeError):
        pass  # the caller has gone
    except BaseException:
        traceback.print_exc()
    finally:
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def _settle() -> None:
    """Leave the server behind: its signals, its standard input, its process group."""
    parent = os.getppid()
    with suppress(OSError):
        os.setpgid(0, 0)
    _prctl(DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)


def _portable(error: Exception) -> Exception:
    """Return the error, or what it says if it cannot be pickled, with its traceback as a note."""
    text = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(text)
    return error


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def preload() -> None:
    """Import what every run needs; by name, since that is what imports this module."""
    import_module(RUNS)


def main() -> None:
    """Import what runs need, and serve. Signals to end are left to the process that called."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    control = socket.socket(fileno=os.dup(0))
    preload()
    import_module(MACHINE).warm_up()
    with suppress(KeyboardInterrupt):
        Server(control).serve()


if __name__ == "__main__":
    main()
