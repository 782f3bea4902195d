"""Counting runs: by what became of them, and quickly."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from bdlbench import execution, locks, records, status
from bdlbench.job import Job
from tests import synthetic

Plan = Callable[..., Job]


def test_every_run_is_counted_once(tmp_path: Path) -> None:
    done = synthetic.record(seed=0)
    broken = replace(synthetic.record(seed=1), outcome="crashed", reason="signal 9", metrics={})
    for record in (done, broken):
        records.write(tmp_path, replace(record, predictions_sha256=""), {})
    (tmp_path / "runs" / "digits-sgd-0-9").mkdir()
    (tmp_path / "runs" / "digits-sgd-0-9" / "record.json").write_text('{"half')
    (tmp_path / "runs" / ".hidden.1.partial").mkdir()
    lock = locks.acquire(tmp_path, "digits-sgd-0-3")
    assert lock is not None
    locks.reporter(lock.held[0])(0.25)
    found = status.survey(tmp_path)
    assert found.total == {"done": 1, "failed": 2, "running": 1}
    assert found.failures == {"crashed: signal 9": 1, "damaged record": 1}
    assert found.under_way == {"digits-sgd-0-3": 0.25}
    text = found.to_text().splitlines()
    assert text[0].split() == ["task", "model", "sampler", *status.STATES]
    assert "running: digits-sgd-0-3 25%" in text
    assert "failed: 1 × crashed: signal 9" in text
    with lock:
        planned = [
            (run, "digits", "m", "s") for run in (done.run, broken.run, "digits-sgd-0-3", "x")
        ]
        assert status.survey(tmp_path, planned).total == dict.fromkeys(status.STATES, 1)
    assert status.survey(tmp_path, planned).total == {"done": 1, "failed": 1, "left": 2}


def test_nothing_is_there_to_count(tmp_path: Path) -> None:
    assert status.survey(tmp_path / "gone").total == {}


def quickest(call: Callable[[], object]) -> float:
    """Return the least CPU seconds of three calls: other programs only add to them."""
    taken = []
    for _ in range(3):
        started = time.process_time()
        call()
        taken.append(time.process_time() - started)
    return min(taken)


def test_ten_thousand_records_are_gone_through_in_three_seconds(
    tmp_path: Path, plan_run: Plan
) -> None:
    content = asdict(synthetic.record())
    job, jobs = plan_run("sgd"), []
    for index in range(1000):  # a tenth of them, and a tenth of the time
        run = f"digits-sgd-0000000000-{index}"
        folder = records.folder_of(tmp_path, run)
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(json.dumps({**content, "run": run}))
        jobs.append(replace(job, run=run))
    assert status.survey(tmp_path).total == {"done": 1000}
    assert len(execution.finished(jobs)) == 1000
    assert quickest(lambda: status.survey(tmp_path)) < 0.3
    assert quickest(lambda: execution.finished(jobs)) < 0.3
