"""Ctrl-C and killed processes: what is finished is kept, and the next call completes it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from bdlbench.comparison import status
from bdlbench.comparison.result import Comparison
from bdlbench.execution import locks
from bdlbench.records import store
from tests.processes import GATED, Started, runs_in, server, session_of, wait_for

Write = Callable[..., str]
Compare = Callable[..., Comparison]
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc")
KEPT = "2 of 4 runs are finished and stored; run the same command to continue"


@pytest.fixture
def started(write_sampler: Write, tmp_path: Path, loaded_once: None) -> Iterator[Started]:
    started = Started(f"{write_sampler(GATED)}:gate={tmp_path / 'gate'}", tmp_path / "results")
    yield started
    started.clear_up()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_end_keeps_what_is_finished(
    compare: Compare, started: Started, number: signal.Signals
) -> None:
    started.wait()
    os.killpg(started.process.pid, number)
    code, out, err = started.end()
    assert (code, out) == (130, "")
    assert ["completed in" in line for line in err] == [True, True, False]
    assert err[2] == f"interrupted: {KEPT}"
    assert started.counts() == {"done": 2}
    wait_for(lambda: not session_of(started.process.pid), "the end of all its processes")
    started.complete(compare, kept=2)


def test_ctrl_c_while_everything_starts_is_one_line(started: Started) -> None:
    wait_for(lambda: psutil.Process(started.process.pid).children(), "the forkserver")
    time.sleep(1)  # they import torch
    os.killpg(started.process.pid, signal.SIGINT)
    code, out, err = started.end()
    assert (code, out, len(err)) == (130, "", 1)
    assert err[0].startswith("interrupted")
    wait_for(lambda: not session_of(started.process.pid), "the end of all its processes")


def test_a_killed_run_is_a_failed_row_and_the_others_go_on(
    compare: Compare, started: Started
) -> None:
    started.wait()
    started.runs()[0].kill()
    wait_for(lambda: started.counts().get("failed"), "the record of the failure")
    assert started.counts() == {"done": 2, "running": 1, "failed": 1}
    last = started.runs()
    server(started.process.pid).kill()  # what has forked them
    wait_for(lambda: not any(run.is_running() for run in last), "the end of the other run")
    code, out, err = started.end()
    assert (code, out.count("[crashed]")) == (2, 1)
    assert (
        "crashed in 2 of 4 runs: its process was ended by signal 9 (SIGKILL), possibly" in err[-1]
    )
    assert sorted(status.survey(started.results).failures.values()) == [1, 1]
    assert started.counts() == {"done": 2, "failed": 2}
    started.complete(compare, kept=2)


@pytest.mark.slow
def test_a_killed_coordinator_takes_its_runs_along(compare: Compare, started: Started) -> None:
    started.wait()
    assert len(started.runs()) == 2
    started.process.kill()
    wait_for(lambda: not session_of(started.process.pid), "the end of its processes")
    wait_for(lambda: started.counts() == {"done": 2}, "the end of their last threads")
    assert len(os.listdir(started.results / "locks")) == 2, "they are left, and nobody holds them"
    started.complete(compare, kept=2)


@pytest.mark.slow
def test_two_coordinators_share_the_runs(
    compare: Compare, started: Started, write_sampler: Write
) -> None:
    started.wait()
    other = Started(started.sampler, started.results)
    try:
        wait_for(lambda: psutil.Process(other.process.pid).children(), "the second coordinator")
        time.sleep(5)  # it comes to the runs that are under way
        assert started.counts() == {"done": 2, "running": 2}
        assert other.runs() == []
        started.gate.unlink()
        for each in (started, other):
            code, out, _ = each.end()
            assert (code, "mine:" in out) == (0, True)
        finished = [record for _, record in store.read_all(started.results) if record]
        assert len(finished) == 4
        assert not os.listdir(started.results / "locks")
    finally:
        other.clear_up()
    started.complete(compare, kept=4)


@pytest.mark.slow
def test_a_coordinator_that_is_killed_leaves_its_runs_to_another(
    compare: Compare, started: Started
) -> None:
    started.wait()
    other = Started(started.sampler, started.results)
    try:
        wait_for(lambda: psutil.Process(other.process.pid).children(), "the second coordinator")
        time.sleep(5)
        started.process.kill()
        wait_for(lambda: started.counts() == {"done": 2, "running": 2} and other.runs(), "the heir")
        other.gate.unlink()
        assert other.end()[0] == 0
    finally:
        other.clear_up()
    started.complete(compare, kept=4)


def test_a_clock_that_is_set_back_changes_nothing(
    compare: Compare, write_sampler: Write, tmp_path: Path, loaded_once: None
) -> None:
    """What is on disk is of tomorrow, and the clock of the runs goes back by a day under way."""
    path = write_sampler("import time\ntime.time = lambda: 1e9\nyield problem.init(rng)")
    results = tmp_path / "results"
    first = compare([path], results, seeds=2)
    tomorrow = time.time() + 86_400
    for file in results.rglob("*"):
        os.utime(file, (tomorrow, tomorrow))
    again = compare([path], results, seeds=3)
    assert (first.rows[0].outcomes, again.rows[0].reused) == ({"completed": 2}, 2)
    assert dict(status.survey(results).total) == {"done": 3}
    assert locks.under_way(results) == {}


def test_a_damaged_record_is_made_again(
    compare: Compare, write_sampler: Write, tmp_path: Path, loaded_once: None
) -> None:
    path, results = write_sampler("yield problem.init(rng)"), tmp_path / "results"
    undisturbed = compare([path], results, seeds=2)
    file = store.folder_of(results, runs_in(results)[0]) / "record.json"
    whole = file.read_bytes()
    for length in range(0, len(whole) - 1, 499):
        file.write_bytes(whole[:length])
        assert dict(status.survey(results).total) == {"done": 1, "failed": 1}
    again = compare([path], results, seeds=2)
    assert again.rows[0].reused == 1
    assert again.differences == undisturbed.differences
    assert dict(status.survey(results).total) == {"done": 2}
