"""Counting runs by state, at low cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bdlbench.comparison import status
from bdlbench.execution import locks, pool
from bdlbench.records import schema, store
from bdlbench.runs.job import Job
from bdlbench.storage import files
from tests import synthetic

Plan = Callable[..., Job]


def test_each_run_is_counted_once(tmp_path: Path) -> None:
    done = synthetic.record(seed=0)
    broken = replace(synthetic.record(seed=1), outcome="crashed", reason="signal 9", metrics={})
    for record in (done, broken):
        store.write(tmp_path, replace(record, predictions_sha256=""), {})
    (tmp_path / "runs" / "digits-sgd-0-9").mkdir()
    (tmp_path / "runs" / "digits-sgd-0-9" / "record.json").write_text('{"half')
    (tmp_path / "runs" / ".hidden.1.partial").mkdir()
    lock = locks.acquire(tmp_path, "digits-sgd-0-3")
    assert lock is not None
    locks.reporter(lock.held[0])("sampling", 0.25)
    found = status.survey(tmp_path)
    assert found.total == {"done": 1, "failed": 2, "running": 1}
    assert found.failures == {"crashed: signal 9": 1, "corrupt record": 1}
    assert found.under_way == {"digits-sgd-0-3": ("sampling", 0.25)}
    text = found.to_text().splitlines()
    assert text[0].split() == ["task", "model", "sampler", *status.STATES]
    assert "running: digits-sgd-0-3 sampling 25%" in text
    assert "failed: 1 × crashed: signal 9" in text
    with lock:
        planned = [
            (run, "digits", "m", "s") for run in (done.run, broken.run, "digits-sgd-0-3", "x")
        ]
        assert status.survey(tmp_path, planned).total == dict.fromkeys(status.STATES, 1)
    assert status.survey(tmp_path, planned).total == {"done": 1, "failed": 1, "left": 2}


def test_a_missing_folder_has_no_runs(tmp_path: Path) -> None:
    assert status.survey(tmp_path / "gone").total == {}


def test_counting_reads_each_record_once_and_skips_the_schema(
    tmp_path: Path, plan_run: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Schema validation takes 1 ms per record, and there may be ten thousand."""
    content = synthetic.record().content()
    job, jobs, paths = plan_run("sgd"), [], []
    for index in range(20):
        run = f"digits-sgd-0000000000-{index}"
        paths.append(store.folder_of(tmp_path, run) / "record.json")
        paths[-1].parent.mkdir(parents=True)
        paths[-1].write_text(json.dumps({**content, "run": run}))
        jobs.append(replace(job, run=run))
    read, read_bytes = [], files.read_bytes

    def spy(path: Path, largest: int) -> bytes:
        read.append(path)
        return read_bytes(path, largest)

    monkeypatch.setattr(files, "read_bytes", spy)
    monkeypatch.setattr(
        schema, "check", lambda content: pytest.fail("validated against the schema")
    )
    assert status.survey(tmp_path).total == {"done": 20}
    assert sorted(read) == sorted(paths)
    read.clear()
    assert len(pool.finished(jobs)) == 20
    assert sorted(read) == sorted(paths)
