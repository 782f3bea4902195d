"""Execute a run under its lock, in its own process, and store its record."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import torch

from bdlbench.data import shared
from bdlbench.data.shared import Kept, Key
from bdlbench.errors import DamagedRecord
from bdlbench.execution import locks, processes
from bdlbench.execution.locks import Lock
from bdlbench.execution.processes import UNLIMITED, Descriptor, Ended, Limits
from bdlbench.records import store
from bdlbench.records.record import COMPLETED, DIVERGED, Record
from bdlbench.runs import machine, run, task_data
from bdlbench.runs.job import Job

INTERVAL = 0.5  # seconds between two looks whether another process has finished a run
REUSED = (COMPLETED, DIVERGED)  # these would come out the same again
_loading = threading.Lock()


def obtain(
    job: Job, limits: Limits = UNLIMITED, wait: bool = True, force: bool = False
) -> Record | None:
    """Return a run's record, stored or new, unless another process executes the run.

    Args:
        job: What to do.
        limits: What it may take.
        wait: If another process executes the run, wait for its record; else return None.
        force: Rerun a stored run.

    Raises:
        DataError: The data is not what it was when the job was made.
        RecordError: The run could not be kept.
    """
    while (lock := locks.acquire(job.results, job.run)) is None:
        if not wait:
            return None
        processes.pause(INTERVAL)
        force = False  # it has been repeated already
    with lock:
        kept = None if force else find(job)
        return kept or _make(job, limits, lock)


def find(job: Job, say: Callable[[str], None] = lambda line: None) -> Record | None:
    """Return the stored record of a run, if it is intact and needs no rerun.

    Args:
        job: The run.
        say: Called with a note if its record is damaged.

    Raises:
        RecordError: It is of a newer schema, or cannot be reached.
    """
    folder = store.folder_of(job.results, job.run)
    try:
        if not (folder / "record.json").exists():
            return None
        record = store.read(folder, checked=False)
    except DamagedRecord:
        say(f"{job.run}: its record is damaged; it is run again")
        return None
    return record if record.outcome in REUSED else None


def _make(job: Job, limits: Limits, lock: Lock) -> Record:
    """Execute a run in its own process; if the process fails, the record says how.

    The process holds the lock, too: no other process starts the run before it has ended.
    """
    data = _data_of(job)  # which is kept until the process has it
    files = {key: Descriptor(kept.descriptor) for key, kept in data.items()}
    started = time.monotonic()
    try:
        record: Record = processes.call(_execute, job, lock.passed, files, limits=limits)
    except Ended as end:
        record = _failed(job, end, time.monotonic() - started)
        store.write(job.results, record, {})
    return record


def _execute(job: Job, lock: int | None, files: dict[Key, int]) -> Record:
    """Execute a run in this process, and write its progress to its lock."""
    shared.adopt(files)
    return run.execute(job, locks.reporter(lock))


def _data_of(job: Job) -> dict[Key, Kept]:
    """Return the data sets of a run, loaded once for all runs of this machine."""
    with _loading:
        if (found := shared.kept(job.data)) is not None:
            return found
        # Planned by another process. If the data has changed, the run will say so.
        return shared.keep(
            *task_data.identify(job.load_task(), job.configuration.split, job.search_folders)
        )


def _failed(job: Job, end: Ended, seconds: float) -> Record:
    """Make the record of a run whose process failed; its cost is not known."""
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
