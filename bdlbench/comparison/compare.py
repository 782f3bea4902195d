"""Compare samplers: plan the runs, execute those not stored yet, and summarize."""

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
    """Compare samplers, and return a data frame; for the options see `run_comparison`.

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
        samplers: Names or plugin files, such as ``sgld:step_size=1e-5``; the baseline is first.
        jobs: Number of parallel runs, each on one core; by default the number of cores.
        backend: ``local``, or ``dask`` or ``ray`` for a cluster.
        address: Address of the Dask scheduler or the Ray cluster.
        timeout: Timeout of a run, in seconds.
        memory: Memory limit of a run, in bytes.
        force: Rerun stored runs.
        quiet: Hide progress.
        request: Task, model, seeds, epochs, draws, split, data_dir, results and device, as in
            `planned.make`.

    Raises:
        BdlbenchError: The request is invalid or cannot be executed; finished runs stay stored.
    """
    execution = ExecutionOptions(jobs, backend, address, timeout, memory, force, quiet)
    planned = make(samplers, say=execution.say, **request)
    with ThreadPoolExecutor(1) as idle_core:
        if execution.workers(planned.setup.device) < machine.cores():
            idle_core.submit(_prefetch, planned)
        made = pool.complete(planned.jobs, execution)
    with execution.busy("summarizing"):
        from bdlbench.comparison.conclude import conclude

        return conclude(planned, *made)


def _prefetch(planned: Planned) -> None:
    """Prefetch the imports and control rows of the table."""
    from bdlbench.reference.control_rows import find_controls

    find_controls(planned.setup, planned.data)
