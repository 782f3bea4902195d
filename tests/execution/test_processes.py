"""A sampler that misbehaves is a failed row with its reason, and the others go on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from bdlbench.comparison import status
from bdlbench.comparison.result import Comparison
from bdlbench.data import shared
from bdlbench.data.examples import Examples
from bdlbench.execution import processes
from bdlbench.execution.processes import Ended, Limits
from bdlbench.records import store
from bdlbench.runs import task_data
from tests.processes import WAIT, server, wait_for

Write = Callable[..., str]
Compare = Callable[..., Comparison]
GOOD = "yield problem.init(rng)"
LEFT = str(10**7 + os.getpid())  # seconds; no other command sleeps for as long
BAD = {  # by name: what it does, what becomes of it, and why
    "segfault": ("import ctypes; ctypes.string_at(0)", "crashed", "signal 11 (SIGSEGV)"),
    "abort": ("import os; os.abort()", "crashed", "signal 6 (SIGABRT)"),
    "exit": ("import os; os._exit(3)", "crashed", "exit status 3"),
    "sys-exit": ("import sys; sys.exit(3)", "plugin error", "SystemExit: 3"),
    "interrupt": ("raise KeyboardInterrupt", "plugin error", "KeyboardInterrupt"),
    "hang": (
        "import os, time\nopen(self.gate, 'w').write(f'{os.getpid()}')\ntime.sleep(1e6)",
        "timed out",
        "timeout after 1000 s",
    ),
    "leak": (
        "held = []\nwhile True: held.append(torch.ones(10**7))",
        "out of memory",
        "it exceeded the memory limit of 3 GB",
    ),
    "huge": ("torch.ones(10**15)", "out of memory", "allocate"),
    "forks": ("import os; os.fork()", "plugin error", "stays in one process, but it forked"),
    "fork-bomb": (
        "import os, time\nif os.fork() == 0: time.sleep(86399)",
        "plugin error",
        "but it forked",
    ),
    "closes": ("import os; os.closerange(3, 4096)", "crashed", "exit status 1"),
    "leaves-and-exits": (
        f"import os, subprocess\nsubprocess.Popen(['sleep', '{LEFT}'], start_new_session=True)\n"
        "os._exit(3)",
        "crashed",
        "exit status 3",
    ),
    "nan": ("yield problem.init(rng) * float('nan')", "diverged", "not finite"),
    "shape": ("yield problem.init(rng)[0]", "plugin error", "expected draws of shape"),
    "none": ("return", "plugin error", "at least one draw, got none"),
    "endless": ("while True: yield problem.init(rng)", "plugin error", "at most 100 draws"),
}
HARMLESS = {  # what stays in its own process: it disturbs nobody
    "prints": "import os; print('noise'); os.write(1, b'noise')",
    "seeds": "import random; random.seed(1); torch.manual_seed(1)",
    "threads": "torch.set_num_threads(7)",
    "moves": "import os; os.chdir('/'); os.environ.clear()",
    "leaves": f"import subprocess\nsubprocess.Popen(['sleep', '{LEFT}'], start_new_session=True)",
}


def predictions_of(results: Path, sampler: str) -> str:
    found = [record for _, record in store.read_all(results) if record]
    return next(r.predictions_sha256 for r in found if r.sampler.name == sampler)


@pytest.mark.usefixtures("loaded_once")
def test_samplers_that_misbehave_are_failed_rows_and_the_others_go_on(
    compare: Compare, write_sampler: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs, check = tmp_path / "hangs", processes._check

    def hasten(limits: Limits, seconds: float, pid: int) -> None:
        """Let time pass quickly for the one that hangs: the others may take as long as they do."""
        hanging = hangs.exists() and hangs.read_text() == str(pid)
        check(limits, seconds + 1e6 * hanging, pid)

    monkeypatch.setattr(processes, "_check", hasten)
    bodies = {name: f"{body}\n{GOOD}" for name, (body, *_) in BAD.items()}
    bodies |= {name: f"{body}\n{GOOD}" for name, body in HARMLESS.items()}
    paths = [write_sampler(body, name) for name, body in {"good": GOOD, **bodies}.items()]
    paths = [f"{path}:gate={hangs}" if path.endswith("hang.py") else path for path in paths]
    rows = compare(paths, tmp_path, jobs=3, timeout=1000, memory=3 * 10**9).rows
    found = {row.sampler.partition(":")[0]: (*row.outcomes, *row.reasons) for row in rows}
    for name, (_, outcome, reason) in BAD.items():
        assert found[name][0] == outcome, found[name]
        assert reason in found[name][1]
    for name in ("good", *HARMLESS):
        assert found[name] == ("completed",), found[name]
        assert predictions_of(tmp_path, name) == predictions_of(tmp_path, "good")
    total = status.survey(tmp_path).total
    assert total == {"done": 1 + len(HARMLESS), "failed": len(BAD)}
    wait_for(lambda: not left_behind(), "the end of what was left behind")
    assert server().status() != psutil.STATUS_ZOMBIE


def left_behind() -> list[psutil.Process]:
    sleeping = [p for p in psutil.process_iter(["cmdline"]) if LEFT in (p.info["cmdline"] or ())]
    return server().children(recursive=True) + sleeping


def test_what_a_call_raises_is_raised_here_with_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        processes.call(divmod, 1, 0)
    assert "Traceback" in caught.value.__notes__[0]
    assert processes.call(divmod, 7, 2) == (3, 1)


def test_a_call_has_a_process_of_its_own_and_no_standard_input() -> None:
    assert processes.call(os.getpid) not in (os.getpid(), server().pid)
    assert processes.call(os.read, 0, 1) == b""


def test_a_call_is_ended_when_its_time_is_up() -> None:
    with pytest.raises(Ended) as caught:
        processes.call(time.sleep, 1e6, limits=Limits(timeout=0.3))
    assert caught.value.outcome == "timed out"
    wait_for(lambda: not server().children(), "its end")


def test_a_forkserver_that_was_killed_is_replaced() -> None:
    processes.start()
    first = server()
    first.kill()
    wait_for(lambda: first.status() == psutil.STATUS_ZOMBIE, "its end")
    assert processes.call(abs, -3) == 3


SCRIPT = """
import os, threading
os.environ["OMP_NUM_THREADS"] = "2"
threading.Thread(target=threading.Event().wait, daemon=True).start()
from bdlbench.execution.processes import call
import torch
name = "OMP_NUM_THREADS"
print(call(torch.get_num_threads), call(os.getenv, name), os.environ[name])
print(call(os.write, 1, b"x"), __file__[-9:])
"""


def test_a_script_without_a_guard_and_with_threads_may_call(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    ended = subprocess.run(
        [sys.executable, "script.py"],
        cwd=tmp_path, capture_output=True, text=True, check=True, timeout=WAIT,
    )  # fmt: skip
    assert ended.stdout.splitlines() == ["1 1 2", "1 script.py"]
    assert ended.stderr == "x", "standard output is the table's alone"


STOPPED = """
import sys, threading
from bdlbench.execution import processes
from tests.processes import server

def call():
    try:
        processes.call(abs, -1)
    except processes.Stopped:
        print("stopped")

processes.start(["endless"])
print(server().pid)
if "stop" in sys.argv:
    calling = threading.Thread(target=call)
    calling.start()
    while not processes._lock.locked():
        pass  # the call is under way, whether it looks for the server or waits for its answer
    processes.stop()
    calling.join()
"""


@pytest.mark.parametrize(("how", "said"), [("stop", ["stopped"]), ("exit", [])])
def test_a_server_that_still_imports_does_not_outlive_a_command(
    how: str, said: list[str], tmp_path: Path
) -> None:
    (tmp_path / "endless.py").write_text("import time\ntime.sleep(1e6)")
    ended = subprocess.run(
        [sys.executable, "-c", STOPPED, how], env={**os.environ, "PYTHONPATH": str(tmp_path)},
        stdout=subprocess.PIPE, text=True, check=True, timeout=WAIT,
    )  # fmt: skip
    pid, *words = ended.stdout.split()
    assert words == said
    wait_for(lambda: not psutil.pid_exists(int(pid)), "the end of the server")


def test_no_call_begins_after_a_stop() -> None:
    processes.stop()
    try:
        with pytest.raises(processes.Stopped):
            processes.call(abs, -1)
    finally:
        processes.go_on()


FORKS = """
import multiprocessing
from bdlbench.execution.processes import call
first, pool = call(abs, -1), multiprocessing.get_context("fork").Pool(1)
print(first, pool.apply(call, (abs, -2)), call(abs, -3))
"""


@pytest.mark.slow
def test_a_fork_of_a_caller_may_call() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FORKS], capture_output=True, text=True, check=True, timeout=WAIT
    )
    assert ended.stdout == "1 2 3\n"


def test_data_is_decoded_once_for_all_runs(
    compare: Compare, write_sampler: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[tuple[str, str]] = []

    def load(split: str, name: str, folders: Sequence[Path]) -> Examples:
        loaded.append((split, name))
        return decoded(split, name, folders)

    decoded = task_data.load
    monkeypatch.setattr(task_data, "load", load)
    body = """
    from bdlbench.data import shared
    files = shared._FILES.values()
    assert len(set(files)) == 3 and all(shared.find(*key) for key in shared._FILES)
    yield problem.init(rng)
    """
    (row,) = compare([write_sampler(body)], tmp_path, seeds=3, jobs=2).rows
    assert (row.outcomes, len(loaded)) == ({"completed": 3}, 3), "by planning, and for all runs"
    assert shared._FILES == {}, "here it would soon be out of date"
