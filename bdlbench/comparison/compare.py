"""Compare samplers: plan the runs, execute those that are missing, and summarize."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bdlbench.comparison.planned import Planned, make
from bdlbench.comparison.summary import Comparison
from bdlbench.execution import pool
from bdlbench.execution.pool import ExecutionOptions
from bdlbench.runs import machine

if TYPE_CHECKING:
    import pandas as pd


def compare(samplers: Sequence[str], **options: Any) -> pd.DataFrame:
    """Compare samplers and return a data frame; the options are those of `run_comparison`.

    Example:
        ``bdlbench.compare(["sgd", "sgld:step_size=1e-4"], task="digits", seeds=3)``
    """
    return run_comparison(samplers, **options).to_frame()


def run_comparison(
    samplers: Sequence[str],
    *,
    jobs: int | None = None,
    backend: str = "local",
    address: str | None = None,
    timeout: float | None = None,
    memory: int | None = None,
    force: bool = False,
    quiet: bool = True,
    **request: Any,
) -> Comparison:
    """Compare samplers on one task, at equal budgets.

    Args:
        samplers: Names or plugin files, each with its settings: ``sgld:step_size=1e-5``.
        jobs: Runs at a time, each on one core; by default as many as there are cores.
        backend: ``local``, or ``dask`` or ``ray`` for a cluster.
        address: Of the cluster.
        timeout: Timeout of a run, in seconds.
        memory: Bytes of memory that a run may take.
        force: Rerun stored runs.
        quiet: Show no progress.
        request: Task, model, seeds, epochs, draws, split, data_dir, results, device: see
            `planned.make`.

    Raises:
        BdlbenchError: What was asked for cannot be done; nothing that is finished is lost.
    """
    execution = ExecutionOptions(jobs, backend, address, timeout, memory, force, quiet)
    planned = make(samplers, say=execution.say, **request)
    with ThreadPoolExecutor(1) as beside:
        if execution.workers(planned.setup.device) < machine.cores():
            beside.submit(_look_ahead, planned)
        made = pool.complete(planned.jobs, execution)
    from bdlbench.comparison.conclude import conclude

    return conclude(planned, *made)


def _look_ahead(planned: Planned) -> None:
    """Prefetch imports and control rows for the table, on an idle core."""
    from bdlbench.reference.control_rows import find_controls

    find_controls(planned.setup, planned.data)
