"""See a run through: lock it, carry it out in a process of its own, and keep what becomes of it."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from importlib import import_module

import torch

from bdlbench.errors import DamagedRecord, DataError
from bdlbench.execution import isolation, locks
from bdlbench.execution.isolation import UNLIMITED, Ended, Limits
from bdlbench.records import store
from bdlbench.records.record import COMPLETED, DIVERGED, Record
from bdlbench.runs import machine, run
from bdlbench.runs.job import Job

INTERVAL = 0.5  # seconds between two looks whether another process has finished a run
REUSED = (COMPLETED, DIVERGED)  # these would come out the same again


def execute(
    job: Job, limits: Limits = UNLIMITED, wait: bool = True, force: bool = False
) -> Record | None:
    """Carry out a run and keep it, unless another process has done so or is at it.

    Args:
        job: What to do.
        limits: What it may take.
        wait: If another process is at it, wait for its record; else return None at once.
        force: Repeat a run that is kept already.

    Raises:
        DataError: The data is not what it was when the job was made.
        RecordError: The run could not be kept.
    """
    while (lock := locks.acquire(job.results, job.run)) is None:
        if not wait:
            return None
        isolation.pause(INTERVAL)
        force = False  # it has been repeated already
    with lock:
        kept = None if force else find(job)
        return kept or _execute(job, limits, lock.held)


def find(job: Job) -> Record | None:
    """Return the record of a run that needs no repetition, if it is kept and not damaged.

    Raises:
        RecordError: It is of a newer schema, or cannot be reached.
    """
    folder = store.folder_of(job.results, job.run)
    try:
        if not (folder / "record.json").exists():
            return None
        record = store.read(folder, checked=False)
    except DamagedRecord:
        return None
    return record if record.outcome in REUSED else None


def perform(job: Job, lock: int | None = None) -> Record:
    """Carry out a run in this process, and note its progress in its lock."""
    return run.execute(job, locks.reporter(lock))


def _execute(job: Job, limits: Limits, held: list[int]) -> Record:
    server = isolation.server()
    data = job.task, job.configuration.split, job.search_folders
    if not server.has(data):
        server.prepare(data, run.prepare, *data)
    if job.module and not server.has(job.module):
        server.prepare(job.module, import_module, job.module)
    started = time.monotonic()
    try:
        record: Record = isolation.call(perform, job, limits=limits, held=held)
    except DataError:
        server.forget()  # what it holds is out of date
        raise
    except Ended as end:
        record = _failed(job, end, time.monotonic() - started)
        store.write(job.results, record, {})
    return record


def _failed(job: Job, end: Ended, seconds: float) -> Record:
    """Make the record of a run that could not make its own; what it had spent is not known."""
    environment = machine.environment(torch.device(job.configuration.device))
    return job.record(
        outcome=end.outcome,
        reason=end.reason,
        epochs=0.0,
        draws=0,
        metrics={},
        environment={**environment, "threads": 1},
        measured={
            "seconds": seconds,
            "evaluation_seconds": 0.0,
            "peak_memory_bytes": 0,
            "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        },
    )
