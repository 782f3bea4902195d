"""Start the forkserver: as a fork of a command that has just begun, else as its own program."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import socket
import sys

import psutil

# A run computes on one thread. The libraries read this when they are loaded.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def launch(ours: socket.socket, theirs: socket.socket) -> psutil.Process:
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
    from bdlbench import forkserver, machine, supervision  # noqa: F401 -- what both will need

    if len(os.listdir("/proc/self/task")) > 1:
        os.environ.clear()
        os.environ.update(before)
        return _spawn(theirs)
    gc.freeze()  # the collector would write to memory that is shared
    pid = os.fork()
    if pid == 0:
        try:
            _become(ours, theirs)
            forkserver.main()
        finally:
            os._exit(0)
    os.environ.clear()
    os.environ.update(before)
    atexit.register(gc.freeze)  # else the interpreter goes through all of it once more as it ends
    return psutil.Process(pid)


def _become(ours: socket.socket, theirs: socket.socket) -> None:
    """Leave the command behind: its end of the channel, its standard output, its signals."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    ours.close()
    os.dup2(theirs.fileno(), 0)
    os.dup2(2, 1)  # standard output is the table's alone
    theirs.close()


def _spawn(theirs: socket.socket) -> psutil.Process:
    return psutil.Popen(
        [sys.executable, "-m", "bdlbench.forkserver"],
        stdin=theirs.fileno(),
        stdout=2,
        env={**os.environ, **ONE_THREAD},
    )
