"""A sampler that misbehaves is a failed row with its reason, and the others go on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from bdlbench.comparison import status
from bdlbench.comparison.summary import Comparison
from bdlbench.data import shared
from bdlbench.execution import isolation
from bdlbench.execution.isolation import Ended, Limits
from bdlbench.records import store
from bdlbench.runs.job import Job
from tests.processes import WAIT, wait_for

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
        "it took longer than 1000 s",
    ),
    "leak": (
        "held = []\nwhile True: held.append(torch.ones(10**7))",
        "out of memory",
        "it took more than 3 GB",
    ),
    "huge": ("torch.ones(10**15)", "out of memory", "allocate"),
    "forks": ("import os; os.fork()", "plugin error", "stays in one process, but it forked"),
    "fork-bomb": (
        "import os, time\nif os.fork() == 0: time.sleep(86399)",
        "plugin error",
        "but it forked",
    ),
    "closes": ("import os; os.closerange(3, 4096)", "crashed", "exit status 1"),
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
    hangs, check = tmp_path / "hangs", isolation._check

    def hasten(limits: Limits, seconds: float, pid: int) -> None:
        """Let time pass quickly for the one that hangs: the others may take as long as they do."""
        hanging = hangs.exists() and hangs.read_text() == str(pid)
        check(limits, seconds + 1e6 * hanging, pid)

    monkeypatch.setattr(isolation, "_check", hasten)
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
    assert isolation.server().is_alive


def left_behind() -> list[psutil.Process]:
    server = psutil.Process(isolation.server().pid)
    sleeping = [p for p in psutil.process_iter(["cmdline"]) if LEFT in (p.info["cmdline"] or ())]
    return server.children(recursive=True) + sleeping


def test_what_a_call_raises_is_raised_here_with_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        isolation.call(divmod, 1, 0, limits=Limits())
    assert "Traceback" in caught.value.__notes__[0]
    assert isolation.call(divmod, 7, 2, limits=Limits()) == (3, 1)


def test_a_call_has_a_process_of_its_own_and_no_standard_input() -> None:
    assert isolation.call(os.getpid, limits=Limits()) not in (os.getpid(), isolation.server().pid)
    assert isolation.call(os.read, 0, 1, limits=Limits()) == b""


def test_a_call_is_ended_when_its_time_is_up() -> None:
    with pytest.raises(Ended) as caught:
        isolation.call(time.sleep, 1e6, limits=Limits(timeout=0.3))
    assert caught.value.outcome == "timed out"
    wait_for(lambda: not psutil.Process(isolation.server().pid).children(), "its end")


def test_a_forkserver_that_was_killed_is_replaced() -> None:
    first = isolation.server().pid
    psutil.Process(first).kill()
    wait_for(lambda: isolation.server().pid != first, "another forkserver")
    assert isolation.call(abs, -3, limits=Limits()) == 3


LAUNCH = """
import os
{first}
os.environ["OMP_NUM_THREADS"] = "2"
from bdlbench.execution import isolation
from bdlbench.execution.isolation import UNLIMITED
server = isolation.server()
import psutil, torch
program = psutil.Process(server.pid).cmdline()[1:]
print(program == psutil.Process().cmdline()[1:], program[-1] == "bdlbench.execution.forkserver")
print(isolation.call(torch.get_num_threads, limits=UNLIMITED), os.environ["OMP_NUM_THREADS"])
print(isolation.call(os.write, 1, b"x", limits=UNLIMITED))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it is always a program of its own")
@pytest.mark.parametrize(
    ("first", "forked"),
    [("", True), pytest.param("import numpy", False, marks=pytest.mark.slow)],
)
def test_a_forkserver_is_a_fork_of_a_command_that_has_just_begun(first: str, forked: bool) -> None:
    script = LAUNCH.format(first=first)
    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=WAIT
    )
    assert ended.stdout.splitlines() == [f"{forked} {not forked}", "1 2", "1"]
    assert ended.stderr == "x", "standard output is the table's alone"


def test_data_is_loaded_once_for_all_processes(
    plan_run: Callable[..., Job], write_sampler: Write
) -> None:
    isolation.server()
    plan_run(write_sampler(GOOD))
    names, files = isolation.call(shared.content, limits=Limits())
    assert [name[:2] for name in names] == [
        ("train", "digits"), ("test", "digits"), ("test", "letters")
    ]  # fmt: skip
    assert len(set(files)) == 3
    assert shared.content() == ((), ()), "here it would soon be out of date"
