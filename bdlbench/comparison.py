"""Compare samplers: plan the runs, carry out those that are missing, and sum them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bdlbench import certificate, controls, execution, fidelity, records, tasks
from bdlbench.data import search_folders
from bdlbench.execution import Means
from bdlbench.plan import Setup
from bdlbench.planned import Planned, make
from bdlbench.records import Record, to_json
from bdlbench.statistics import Difference
from bdlbench.summary import (
    Row,
    controls_file,
    differences,
    headline,
    kept_controls,
    read_predictions,
    rescored,
    sum_up,
)

if TYPE_CHECKING:
    import pandas as pd


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
        request: Task, model, seeds, epochs, split, data_dir, results, device: see `planned.make`.

    Raises:
        BdlbenchError: What was asked for cannot be done; nothing that is finished is lost.
    """
    means = Means(jobs, backend, address, timeout, memory, force, quiet)
    planned = make(samplers, say=means.say, **request)
    return conclude(planned, *execution.complete(planned.jobs, means))


def conclude(
    planned: Planned, found: Mapping[str, Record], reused: Mapping[str, Record]
) -> Comparison:
    """Sum up the runs of a comparison.

    Args:
        planned: The comparison.
        found: A record for each of its runs, by name.
        reused: Those that were on disk already.
    """
    setup = planned.setup
    found = {**found, **{run: rescored(setup.results, record) for run, record in reused.items()}}
    groups = [[found[job.run] for job in group] for group in planned.groups]
    predictions = [read_predictions(setup.results, group) for group in groups]
    reference, reference_note = fidelity.find_reference(setup, planned.data)
    return Comparison(
        setup=setup,
        note=planned.note,
        seeds=planned.seeds,
        rows=tuple(
            sum_up(
                contender.label,
                contender.settings,
                certificate.read(setup.results, contender.spec.reference),
                group,
                sets,
                reference,
                reused,
            )
            for contender, group, sets in zip(planned.contenders, groups, predictions, strict=True)
        ),
        differences=differences(
            headline(setup.task.ood, setup.split),
            [contender.label for contender in planned.contenders],
            predictions,
        ),
        controls=_controls(setup, planned.data),
        floor=fidelity.floor(reference) if reference else {},
        reference_note=reference_note,
    )


def _controls(setup: Setup, fingerprints: Mapping[str, str]) -> dict[str, dict[str, float]]:
    """Return the control rows of every OOD set; they are kept, since they depend on data alone."""
    if setup.split == "validation":
        return {}
    kept = kept_controls(setup.results, setup.task.name, fingerprints)
    if kept is not None:
        return kept
    folders = search_folders(setup.data_dir)
    train = tasks.training_images(setup.task, setup.split, folders)
    judged = tasks.judged_images(setup.task, setup.split, folders)
    found = {
        name: controls.control_aurocs(train.pixels, judged["test"].pixels, judged[name].pixels)
        for name in setup.task.ood
    }
    file = controls_file(setup.task.name, fingerprints)
    records.write_file(setup.results / file, to_json(found))
    return found
