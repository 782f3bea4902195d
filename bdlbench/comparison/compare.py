"""Compare samplers: plan the runs, carry out those that are missing, and sum them up."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bdlbench import execution, machine
from bdlbench.execution import Means
from bdlbench.plan import Setup
from bdlbench.planned import Planned, make

if TYPE_CHECKING:
    import pandas as pd

    from bdlbench.statistics import Difference
    from bdlbench.summary import Row


@dataclass(frozen=True)
class Comparison:
    """Hold the outcome of a comparison.

    Args:
        setup: What all samplers share.
        note: On the choice of the task, where it was ours.
        seeds: Of the runs.
        rows: One for each sampler, in the order given.
        differences: Of each sampler but the first against the first: (sampler, difference).
        controls: AUROC of scores that see no network, by OOD set and control.
        floor: Agreement and total variation between halves of the reference; empty without one.
        reference_note: Why there is no reference, where one is wanted.
    """

    setup: Setup
    note: str
    seeds: tuple[int, ...]
    rows: tuple[Row, ...]
    differences: tuple[tuple[str, Difference], ...]
    controls: dict[str, dict[str, float]]
    floor: dict[str, float] = field(default_factory=dict)
    reference_note: str = ""

    @property
    def headline(self) -> list[str]:
        """Name the metrics that the samplers are compared on."""
        from bdlbench.summary import headline

        return headline(self.setup.task.ood, self.setup.split)

    def to_frame(self) -> pd.DataFrame:
        """Return a row a sampler; for every metric its mean, and low and high of its interval."""
        import pandas as pd

        table = []
        for row in self.rows:
            cells: dict[str, Any] = {"sampler": row.sampler, "outcomes": row.outcomes}
            for name, interval in row.metrics.items():
                cells[name] = interval.mean
                cells[f"{name}.low"], cells[f"{name}.high"] = interval.low, interval.high
            table.append(cells)
        return pd.DataFrame(table).set_index("sampler")


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
        timeout: Seconds that a run may take.
        memory: Bytes of memory that a run may take.
        force: Repeat runs that are on disk.
        quiet: Show no progress.
        request: Task, model, seeds, epochs, draws, split, data_dir, results, device: see
            `planned.make`.

    Raises:
        BdlbenchError: What was asked for cannot be done; nothing that is finished is lost.
    """
    means = Means(jobs, backend, address, timeout, memory, force, quiet)
    planned = make(samplers, say=means.say, **request)
    with ThreadPoolExecutor(1) as beside:
        if means.workers(planned.setup.device) < machine.cores():
            beside.submit(_look_ahead, planned)
        made = execution.complete(planned.jobs, means)
    from bdlbench.conclusion import conclude

    return conclude(planned, *made)


def _look_ahead(planned: Planned) -> None:
    """Import what the table needs, and find its controls, on a core that no run needs."""
    from bdlbench.conclusion import find_controls

    find_controls(planned.setup, planned.data)
