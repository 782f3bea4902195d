"""The child's side of a call: it detaches, calls the function, sends the result, and waits.

It ends with the process that called it, whatever that one died of; and with it ends all that it has
started.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

import psutil

CALLER = "BDLBENCH_CALLER"  # an environment variable: by it, a process is known to be a caller's
DIE_WITH_PARENT = 1  # of prctl(2): the fork server ends with its caller, and its children then
TO_END = {signal.SIGINT, signal.SIGTERM}  # signals that are left to the caller


def answer(channel: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Make a call in this process, send what it returns or raises, and wait to be ended."""
    process, caller = os.getpid(), multiprocessing.parent_process()
    assert caller is not None
    try:
        _settle(caller)
        result: tuple[object, Exception | None]
        try:
            result = function(*arguments), None
        except Exception as error:
            result = None, _portable(error)
        if os.getpid() == process:  # else a plugin forked, and this is the copy
            _flush()
            channel.send(result)
            caller.join()
    except BrokenPipeError:
        pass  # the caller has gone
    except BaseException:
        traceback.print_exc()
    finally:
        _flush()
        os._exit(1)


def _settle(caller: Any) -> None:
    """Leave the server behind: its process group, its signals, its standard output."""
    os.setpgid(0, 0)
    if sys.platform == "linux":  # a run may hold the interpreter's lock in C for good
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, TO_END)
    os.dup2(2, 1)  # standard output is the table's alone

    def follow() -> None:
        caller.join()
        end(os.getpid(), caller.pid)

    threading.Thread(target=follow, daemon=True).start()


def end(pid: int, caller: int) -> None:
    """Kill a called process, all that it has started, and processes orphaned meanwhile."""
    marked = {process for process in psutil.process_iter() if _is_of(caller, process)}
    lost = marked - {
        *_descendants(caller)
    }  # in this order, so that a new process is not taken for lost
    for process in lost | {*_descendants(pid)}:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    for kill in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            kill(pid, signal.SIGKILL)


def _is_of(caller: int, process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return process.pid != os.getpid() and process.environ().get(CALLER) == str(caller)
    return False


def _descendants(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []


def _flush() -> None:
    with suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()


def _portable(error: Exception) -> Exception:
    """Return the error, or what it says if it cannot be pickled, with its traceback as a note."""
    text = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        error = RuntimeError(f"{type(error).__name__}: {error}")
    error.add_note(text)
    return error
