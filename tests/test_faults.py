"""Ctrl-C and killed processes: what is finished is kept, and the next call completes it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import pytest

from bdlbench import cli, records
from bdlbench.comparison import Comparison

Write = Callable[..., str]
Compare = Callable[..., Comparison]
# Two seeds finish at once, the others when the gate is gone; every seed draws other weights.
BODY = """
import os, time
while self.gate and rng.initial_seed() > 1 and os.path.exists(self.gate):
    time.sleep(0.02)
yield problem.init(rng)
"""
WAIT = 60.0  # seconds, on a machine that is busy with other things
needs_processes = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")


def runs_in(results: Path) -> list[str]:
    runs = results / "runs"
    return sorted(p.name for p in runs.glob("[!.]*")) if runs.exists() else []


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        time.sleep(0.05)


def session_of(leader: int) -> dict[int, str]:
    """Return the living processes of a session: id and command line."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            state, _, _, session = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state not in "ZX":
                found[int(folder.name)] = (folder / "cmdline").read_text()
    return found


class Started:
    """A comparison of four seeds in two workers: two of them finish, and two wait."""

    def __init__(self, sampler: str, results: Path) -> None:
        self.sampler, self.results = sampler, results
        self.gate = Path(sampler.partition("gate=")[2])
        self.gate.touch()
        command = "-m bdlbench compare --task digits --model softmax --epochs 3 --seeds 4 --jobs 2"
        # Where tests run in the background, Ctrl-C is ignored, and children would inherit that.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.process = subprocess.Popen(
            [sys.executable, *command.split(), "--results", str(results), sampler],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        signal.signal(signal.SIGINT, before)

    def wait(self) -> None:
        wait_for(lambda: len(runs_in(self.results)) == 2, "two finished runs")
        time.sleep(0.5)  # the others have begun

    def workers(self) -> list[int]:
        processes = session_of(self.process.pid).items()
        return [pid for pid, command in processes if "LokyProcess" in command]

    def end(self) -> tuple[int, str, list[str]]:
        out, err = self.process.communicate(timeout=WAIT)
        return self.process.returncode, out, err.splitlines()

    def complete(self, compare: Compare) -> None:
        """Run what is missing, and find no trace of the disturbance."""
        kept = runs_in(self.results)
        self.gate.unlink()
        undisturbed = self.results.with_name("undisturbed")
        compare([self.sampler], undisturbed, seeds=4)
        (row,) = compare([self.sampler], self.results, seeds=4).rows
        assert (row.outcomes, row.reused) == ({"completed": 4}, len(kept))
        assert runs_in(self.results) == runs_in(undisturbed)
        for run in runs_in(undisturbed):
            folders = [records.folder_of(results, run) for results in (self.results, undisturbed)]
            first, second = (asdict(records.read(folder)) for folder in folders)
            assert first.pop("measured").keys() == second.pop("measured").keys()
            assert first == second
            assert len({(folder / "predictions.npz").read_bytes() for folder in folders}) == 1


@pytest.fixture
def started(write_sampler: Write, tmp_path: Path, loaded_once: None) -> Iterator[Started]:
    started = Started(f"{write_sampler(BODY)}:gate={tmp_path / 'gate'}", tmp_path / "results")
    yield started
    for pid in session_of(started.process.pid):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    started.process.communicate()


@needs_processes
def test_ctrl_c_keeps_what_is_finished(compare: Compare, started: Started) -> None:
    started.wait()
    begun = time.monotonic()
    os.killpg(started.process.pid, signal.SIGINT)
    code, out, err = started.end()
    assert time.monotonic() - begun < 5
    assert (code, out) == (130, "")
    assert ["completed in" in line for line in err] == [True, True, False]
    kept = "2 of 4 runs are finished and kept; run the same command to go on"
    assert err[2] == f"interrupted: {kept}"
    assert len(runs_in(started.results)) == 2
    wait_for(lambda: not session_of(started.process.pid), "the end of all its processes")
    started.complete(compare)


@needs_processes
def test_ctrl_c_while_workers_start_is_one_line(started: Started) -> None:
    wait_for(lambda: len(started.workers()) == 2, "two workers")
    time.sleep(0.4)  # they import torch
    os.killpg(started.process.pid, signal.SIGINT)
    code, out, err = started.end()
    assert (code, out) == (130, "")
    assert err == ["interrupted: 0 of 4 runs are finished and kept; run the same command to go on"]


@needs_processes
def test_a_killed_worker_is_one_error(compare: Compare, started: Started) -> None:
    started.wait()
    os.kill(started.workers()[0], signal.SIGKILL)
    code, out, err = started.end()
    assert (code, out) == (2, "")
    assert ["completed in" in line for line in err] == [True, True, False]
    assert err[2].startswith("error: a worker was killed, perhaps for want of memory; 2 of 4 runs")
    assert len(runs_in(started.results)) == 2
    started.complete(compare)


@needs_processes
def test_a_killed_coordinator_takes_its_workers_along(compare: Compare, started: Started) -> None:
    started.wait()
    assert len(started.workers()) == 2
    started.process.kill()
    wait_for(lambda: not started.workers(), "the end of the workers")
    assert len(runs_in(started.results)) == 2
    started.complete(compare)


@pytest.mark.usefixtures("loaded_once")
def test_ctrl_c_in_a_run_of_this_process_keeps_what_is_finished(
    write_sampler: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = write_sampler("if rng.initial_seed() == 1: raise KeyboardInterrupt\n" + BODY)
    command = "bdlbench compare --task digits --model softmax --seeds 3 --jobs 1 --quiet"
    monkeypatch.setattr(sys, "argv", [*command.split(), "--results", str(tmp_path), path])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == 130
    kept = "1 of 3 runs are finished and kept; run the same command to go on"
    assert capsys.readouterr().err == f"interrupted: {kept}\n"
    assert len(runs_in(tmp_path)) == 1
