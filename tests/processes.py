"""Start commands, watch their processes, and hold what is left against an undisturbed run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import psutil

from bdlbench.comparison import status, table
from bdlbench.comparison.result import Comparison
from bdlbench.records import store

WAIT = 300.0  # seconds: a bound for what hangs, on however busy a machine
# Two seeds finish at once, the others leave their process's id and wait until the gate is gone;
# every seed draws other weights.
GATED = """
import os, time
if self.gate and rng.initial_seed() > 1 and os.path.exists(self.gate):
    open(f"{self.gate}.{os.getpid()}", "w").close()
while self.gate and rng.initial_seed() > 1 and os.path.exists(self.gate):
    time.sleep(0.02)
yield problem.init(rng)
"""


def runs_in(results: Path) -> list[str]:
    return sorted(path.name for path in (results / "runs").glob("[!.]*"))


def wait_for(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def server(caller: int | None = None) -> psutil.Process:
    """Return the fork server of a process, by default of this one."""
    for child in psutil.Process(caller).children():
        if any("multiprocessing.forkserver" in word for word in child.cmdline()):
            return child
    raise AssertionError("expected a fork server, got none")


def session_of(leader: int) -> list[psutil.Process]:
    """Return the living processes of a session."""
    found = []
    for process in psutil.process_iter():
        with suppress(OSError, IndexError, psutil.Error):
            stat = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
            if int(stat[3]) == leader and stat[0] not in "ZX":
                found.append(process)
    return found


class Started:
    """A comparison of four seeds, two at a time: two of them finish, and two wait at the gate."""

    def __init__(self, sampler: str, results: Path, *options: str) -> None:
        self.sampler, self.results = sampler, results
        self.gate = Path(sampler.partition("gate=")[2])
        self.gate.touch()
        command = "-m bdlbench compare --task digits --model softmax --epochs 3 --seeds 4"
        self.here = not options  # and not on a cluster
        options = options or ("--jobs", "2")
        # Where tests run in the background, Ctrl-C is ignored, and children would inherit that.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            [sys.executable, *command.split(), *options, "--results", str(results), sampler],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        signal.signal(signal.SIGINT, before)

    def wait(self) -> None:
        wait_for(lambda: len(runs_in(self.results)) == 2, "two finished runs")
        wait_for(lambda: self.counts() == {"done": 2, "running": 2}, "two that wait")
        if self.here:
            wait_for(self._settled, "two processes at the gate, and the end of all others")

    def _settled(self) -> bool:
        waiting = {int(path.suffix[1:]) for path in self.gate.parent.glob(f"{self.gate.name}.*")}
        return len(waiting) == 2 and {run.pid for run in self.runs()} == waiting

    def counts(self) -> dict[str, int]:
        return dict(status.survey(self.results).total)

    def runs(self) -> list[psutil.Process]:
        return server(self.process.pid).children()

    def end(self) -> tuple[int, str, list[str]]:
        out, err = self.process.communicate(timeout=WAIT)
        return self.process.returncode, out, err.splitlines()

    def clear_up(self) -> None:
        for process in session_of(self.process.pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.communicate()

    def complete(self, compare: Callable[..., Comparison], kept: int) -> None:
        """Run what is missing, and find no trace of the disturbance."""
        self.gate.unlink(missing_ok=True)
        assert dict(status.survey(self.results).total).get("done", 0) == kept
        undisturbed = self.results.with_name("undisturbed")
        tables = [compare([self.sampler], where, seeds=4) for where in (undisturbed, self.results)]
        assert tables[1].rows[0].reused == kept
        assert_equal(self.results, undisturbed)
        assert self.counts() == {"done": 4}
        assert without_times(tables[1]) == without_times(tables[0])


def assert_equal(results: Path, undisturbed: Path) -> None:
    """Hold two folders of runs against each other: all is equal but for times."""
    assert runs_in(results) == runs_in(undisturbed)
    for run in runs_in(undisturbed):
        folders = [store.folder_of(place, run) for place in (results, undisturbed)]
        first, second = (asdict(store.read(folder)) for folder in folders)
        assert first.pop("measured").keys() == second.pop("measured").keys()
        assert first == second
        assert len({(folder / "predictions.npz").read_bytes() for folder in folders}) == 1


def without_times(comparison: Comparison) -> list[str]:
    """Return the lines of a table as Markdown, without the columns of times and memory."""
    lines = []
    for line in table.to_markdown(comparison).splitlines():
        cells = line.split(" | ")
        lines.append(" | ".join(cells[:-2]).replace(" *", "") if line.startswith("|") else line)
    return [line for line in lines if "were already stored" not in line]
