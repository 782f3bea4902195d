"""Execute jobs in parallel, each on one core; finished runs are never lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

from joblib import Parallel, delayed, parallel_config
from rich.console import Console

from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.execution import clusters, locks, processes, worker
from bdlbench.execution.labels import labels
from bdlbench.execution.processes import Limits
from bdlbench.execution.progress import has_bars, shown
from bdlbench.records.record import COMPLETED, Record
from bdlbench.runs import machine
from bdlbench.runs.job import Job
from bdlbench.settings import integer, positive
from bdlbench.storage.escaping import visible

BACKENDS = ("local", "dask", "ray")


@dataclass(frozen=True)
class ExecutionOptions:
    """How runs are executed.

    Args:
        jobs: Runs at a time; by default one for each core, on a GPU one.
        backend: ``local``, ``dask`` or ``ray``.
        address: Of the cluster, for the latter two.
        timeout: Timeout of a run, in seconds.
        memory: Bytes of memory that a run may take.
        force: Rerun stored runs.
        quiet: Show no progress.

    Raises:
        BdlbenchError: They make no sense.
    """

    jobs: int | None = None
    backend: str = "local"
    address: str | None = None
    timeout: float | None = None
    memory: int | None = None
    force: bool = False
    quiet: bool = True

    def __post_init__(self) -> None:
        if self.backend not in BACKENDS:
            raise BdlbenchError(f"expected --backend {', '.join(BACKENDS)}, got {self.backend!r}")
        if (self.backend == "local") != (self.address is None):
            raise BdlbenchError("--backend dask and ray need an --address, and nothing else does")
        if not isinstance(self.address, str | None) or self.address == "":
            raise BdlbenchError(f"address: expected a text, got {self.address!r}")
        if self.jobs is not None:
            integer("jobs", self.jobs)
        if self.timeout is not None:
            positive("timeout", self.timeout, " of seconds")
        if self.memory is not None:
            integer("memory", self.memory, most=10**18)

    @property
    def console(self) -> Console:
        """The console for progress."""
        return Console(stderr=True, quiet=self.quiet)

    def workers(self, device: str) -> int:
        """Return the number of runs at a time on this machine."""
        return self.jobs or (1 if device == "cuda" else machine.cores())

    def busy(self, phase: str) -> AbstractContextManager[object]:
        """Show the phase on a terminal while something is done that takes seconds."""
        return self.console.status(phase) if has_bars(self.console) else nullcontext()

    def say(self, line: str) -> None:
        """Print a line above the progress bars."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)


def complete(
    jobs: Sequence[Job], execution: ExecutionOptions
) -> tuple[dict[str, Record], dict[str, Record]]:
    """Execute the jobs that are not stored; return all records, and those stored before.

    Raises:
        BdlbenchError: A worker of a cluster was lost, or a run could not be stored; finished runs
            are kept.
    """
    reused = {} if execution.force else finished(jobs, execution.say)
    missing = [job for job in jobs if job.run not in reused]
    return {**reused, **_carry_out(missing, execution)}, reused


def finished(
    jobs: Sequence[Job], say: Callable[[str], None] = lambda line: None
) -> dict[str, Record]:
    """Return the stored records that need no rerun, by name; `say` reports damaged ones.

    Raises:
        RecordError: A record cannot be reached, or is of a newer schema.
    """
    found = {job.run: worker.find(job, say) for job in jobs}
    return {run: record for run, record in found.items() if record is not None}


def _carry_out(jobs: Sequence[Job], execution: ExecutionOptions) -> dict[str, Record]:
    done: dict[str, Record] = {}
    console = execution.console
    if not jobs:
        return done
    try:
        with shown(labels(jobs), partial(locks.under_way, jobs[0].results), console) as ended:
            for record in _records(jobs, execution):
                done[record.run] = record
                ended(record.run, _result(record), failed=record.outcome != COMPLETED)
    except RecordError as error:
        raise RecordError(f"{error} ({_kept(done, jobs)})") from error
    except KeyboardInterrupt:
        raise KeyboardInterrupt(_kept(done, jobs)) from None
    except Exception as error:
        if execution.backend == "local" or isinstance(error, BdlbenchError):
            raise
        # Whatever a lost worker, node or scheduler looks like to those who had joblib wait for it.
        what = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        kept = _kept(finished(jobs), jobs)
        raise BdlbenchError(f"the {execution.backend} cluster failed ({what}); {kept}") from error
    finally:
        if len(done) < len(jobs):
            processes.stop()
    return done


def _records(jobs: Sequence[Job], execution: ExecutionOptions) -> Iterator[Record]:
    """Yield records as runs finish; runs locked by other processes are waited for last."""
    processes.go_on()
    if execution.backend == "local":
        processes.start({job.module for job in jobs if job.module})
    left = list(jobs)
    with _backend(execution, jobs) as parallel:
        for wait in (False, True):
            limits = Limits(execution.timeout, execution.memory)
            calls = [delayed(worker.obtain)(job, limits, wait, execution.force) for job in left]
            names = {job.run: job for job in left}
            for record in parallel(calls):
                if record is not None:
                    del names[record.run]
                    yield record
            left = list(names.values())


@contextmanager
def _backend(execution: ExecutionOptions, jobs: Sequence[Job]) -> Iterator[Parallel]:
    """Yield joblib's Parallel for the machine or the requested cluster."""
    device = jobs[0].configuration.device
    options: dict[str, Any] = {"return_as": "generator_unordered"}
    if execution.backend == "local":
        # Threads, which see to the processes of the runs, and cost nothing.
        with parallel_config("threading", n_jobs=min(execution.workers(device), len(jobs))):
            yield Parallel(batch_size=1, pre_dispatch="all", **options)
    elif execution.backend == "dask":
        with clusters.dask(execution.address) as config, parallel_config(**config):
            yield Parallel(execution.jobs or -1, batch_size=1, pre_dispatch="all", **options)
    else:
        with clusters.ray(execution.address, device) as config, parallel_config(**config):
            # Ray's pool cannot give back results as they come.
            yield Parallel(execution.jobs or -1, batch_size=1, pre_dispatch="all")


def _result(record: Record) -> str:
    seconds = f"{record.measured['seconds']:.1f} s"
    if record.outcome == COMPLETED:
        return f"completed in {seconds}"
    return visible(f"{record.outcome} after {seconds}: {record.reason}")


def _kept(done: Mapping[str, Record], jobs: Sequence[Job]) -> str:
    return (
        f"{len(done)} of {len(jobs)} runs are finished and stored; run the same command to continue"
    )
