"""Compare samplers: plan the runs, execute those not stored yet, and summarize."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from bdlbench.checks.sampling import Sampler as SamplerPlugin
from bdlbench.comparison.planned import Planned, make
from bdlbench.comparison.result import Comparison
from bdlbench.execution import pool
from bdlbench.execution.pool import ExecutionOptions
from bdlbench.posterior.models import Model
from bdlbench.runs import machine
from bdlbench.runs.task import Task

if TYPE_CHECKING:
    pass


class MetricPlugin(Protocol):
    """A metric at hand: an instance of a class under ``@register``."""

    def contributions(self, predictions: Any) -> Any:
        """Return what each input contributes, shape (inputs,) or (inputs, k)."""


Sampler = str | os.PathLike[str] | SamplerPlugin | type[SamplerPlugin]
"""A name or a file, a class under ``@register``, or an instance of one."""


def compare(
    samplers: Sampler | Sequence[Sampler],
    *,
    task: str | os.PathLike[str] | Task | type[Task] | None = None,
    model: str | os.PathLike[str] | Model | type[Model] | None = None,
    seeds: int | Sequence[int] | None = None,
    epochs: float | None = None,
    draws: int | None = None,
    split: Literal["test", "validation"] = "test",
    baseline: str | None = None,
    metrics: Sequence[str | os.PathLike[str] | MetricPlugin | type[MetricPlugin]] = (),
    data_dir: str | os.PathLike[str] | None = None,
    results: str | Path | None = None,
    jobs: int | None = None,
    backend: Literal["local", "dask", "ray"] = "local",
    address: str | None = None,
    timeout: float | None = None,
    memory: int | None = None,
    device: Literal["auto", "cpu", "cuda"] = "auto",
    force: bool = False,
    quiet: bool = True,
) -> Comparison:
    """Compare samplers on one task, at equal budgets.

    A comparison prints as a table in a notebook; `Comparison.to_frame` returns its numbers, and
    `Comparison.plot` draws them.

    Example:
        ``bdlbench.compare(["sgd", "sgld:step_size=1e-4"], task="digits", seeds=3).to_frame()``

    Args:
        samplers: Names or plugin files, such as ``sgld:step_size=1e-5`` or ``./mine.py``; classes
            under ``@register``, or instances of them, whose settings are used as they are.
        task: Name or file of a task, or a `Task`; by default mnist if its data is available, else
            digits.
        model: Name or file of a model, or a class or instance with ``build(input_shape,
            outputs)``; by default the task's.
        seeds: Number of seeds, or the seeds; each sampler is run once per seed. By default the
            task's number.
        epochs: Budget of a run, in epochs; by default the task's.
        draws: Draws to keep per run; by default the task's.
        split: ``test``; or ``validation`` for tuning, which trains on the first 90 % of the
            training data and evaluates on the rest.
        baseline: The sampler that the others are compared with; by default the first.
        metrics: Metrics of your own, to compare on besides the usual ones: names or files, classes
            under ``@register`` or instances.
        data_dir: Data folder, searched before ``$BDLBENCH_DATA``.
        results: Folder or URL of the results; stored runs are reused. By default
            ``$BDLBENCH_RESULTS``, else ``bdlbench-results``.
        jobs: Number of parallel runs, each on one core; by default the number of cores.
        backend: ``local``, or ``dask`` or ``ray`` for a cluster.
        address: Address of the Dask scheduler or the Ray cluster.
        timeout: Timeout of a run, in seconds.
        memory: Memory limit of a run, in bytes.
        device: ``auto``, ``cpu`` or ``cuda``.
        force: Rerun stored runs.
        quiet: Hide progress.

    Raises:
        BdlbenchError: The request is invalid or cannot be executed; finished runs stay stored.
    """
    execution = ExecutionOptions(jobs, backend, address, timeout, memory, force, quiet)
    planned = make(
        _one_or_many(samplers),
        task=task,
        model=model,
        seeds=seeds,
        epochs=epochs,
        draws=draws,
        split=split,
        baseline=baseline,
        metrics=metrics,
        data_dir=data_dir,
        results=results,
        device=device,
        say=execution.say,
    )
    with ThreadPoolExecutor(1) as idle_core:
        if execution.workers(planned.setup.device) < machine.cores():
            idle_core.submit(_prefetch, planned)
        made = pool.complete(planned.jobs, execution)
    with execution.busy("summarizing"):
        from bdlbench.comparison.conclude import conclude

        return conclude(planned, *made)


def _one_or_many(samplers: Any) -> Any:
    """Return a list of one sampler that was given without a list."""
    one = isinstance(samplers, str | os.PathLike | type) or dataclasses.is_dataclass(samplers)
    return [samplers] if one else samplers


def _prefetch(planned: Planned) -> None:
    """Prefetch the imports and control rows of the table."""
    from bdlbench.reference.control_rows import find_controls

    find_controls(planned.setup, planned.data)
