"""Carry out jobs side by side, each on one core, and keep what is finished whatever happens."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError
from rich.console import Console

from bdlbench import records
from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.progress import Reporter, shown
from bdlbench.records import Record
from bdlbench.run import Job, execute

REUSED = (records.COMPLETED, records.DIVERGED)  # these would come out the same again


def finished(jobs: Sequence[Job]) -> dict[str, Record]:
    """Return the records that are on disk and need no second run, by name.

    Raises:
        RecordError: A record cannot be read.
    """
    found = {}
    for job in jobs:
        folder = records.folder_of(job.results, job.run)
        if folder.exists():
            record = records.read(folder)
            if record.outcome in REUSED:
                found[job.run] = record
    return found


def carry_out(jobs: Sequence[Job], workers: int, console: Console) -> dict[str, Record]:
    """Carry out the jobs and return their records by name.

    Args:
        jobs: What to do.
        workers: Processes at a time; with 1, everything happens in this process.
        console: Where progress is shown.

    Raises:
        BdlbenchError: A worker was killed, or a run could not be kept; finished runs are kept.
    """
    done: dict[str, Record] = {}
    if not jobs:
        return done
    labels = [f"{job.run.rsplit('-', 2)[0]} seed {job.seed}" for job in jobs]
    try:
        with shown(labels, console) as reporters:
            for record in _records(jobs, reporters, workers):
                done[record.run] = record
                if not console.is_terminal:
                    seconds = record.measured["seconds"]
                    console.print(f"{record.run}: {record.outcome} in {seconds:.1f} s")
    except TerminatedWorkerError:
        raise BdlbenchError(
            f"a worker was killed, perhaps for want of memory; {_kept(done, jobs)}, with fewer "
            "--jobs if memory is short"
        ) from None
    except RecordError as error:
        raise RecordError(f"{error} ({_kept(done, jobs)})") from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_kept(done, jobs)) from None
    return done


def _records(jobs: Sequence[Job], reporters: Sequence[Reporter], workers: int) -> Iterator[Record]:
    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(
            n_jobs=workers, return_as="generator_unordered", batch_size=1, pre_dispatch="all"
        )
        with _interrupts_ignored():
            found = parallel(
                delayed(_work)(job, reporter, os.getpid())
                for job, reporter in zip(jobs, reporters, strict=True)
            )
        yield from found


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C while workers start: they inherit that, and leave it to this process.

    Blocking the signal would lose none, but loky unblocks it as it starts.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone gets signals
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _work(job: Job, reporter: Reporter, coordinator: int) -> Record:
    if os.getpid() != coordinator:
        _leave_with(coordinator)
    return execute(job, reporter)


@cache
def _leave_with(coordinator: int) -> None:
    """End this worker soon after its coordinator: an orphan would go through all that is queued."""

    def watch() -> None:
        while os.getppid() == coordinator:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _kept(done: dict[str, Record], jobs: Sequence[Job]) -> str:
    return f"{len(done)} of {len(jobs)} runs are finished and kept; run the same command to go on"
