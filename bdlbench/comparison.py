"""Compare samplers: plan the runs, carry out those that are missing, and sum them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from bdlbench import (
    certificate,
    controls,
    execution,
    fidelity,
    machine,
    plan,
    records,
    registry,
    tasks,
)
from bdlbench.data import search_folders
from bdlbench.errors import BdlbenchError
from bdlbench.plan import Setup
from bdlbench.records import to_json
from bdlbench.settings import Spec, parse
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
    task: str | None = None,
    model: str | None = None,
    seeds: int = 3,
    epochs: float | None = None,
    split: str = "test",
    data_dir: str | Path | None = None,
    results: str | Path = "results",
    jobs: int | None = None,
    device: str = "auto",
    force: bool = False,
    quiet: bool = True,
) -> Comparison:
    """Compare samplers on one task, at equal budgets.

    Args:
        samplers: Names or plugin files, each with its settings: ``sgld:step_size=1e-5``.
        task: Name of a task; by default mnist if its data can be had, else digits.
        model: Name of a model; by default the task's.
        seeds: Number of seeds; a run for each and for each sampler.
        epochs: Budget; by default the task's.
        split: ``test``; or ``validation``, which trains on the first 90 % of the training data and
            judges on the rest, to choose settings.
        data_dir: Folder that data is looked for in first.
        results: Folder that runs are kept in; those that are there are not repeated.
        jobs: Runs at a time, each on one core; by default as many as there are cores.
        device: ``auto``, ``cpu`` or ``cuda``.
        force: Repeat runs that are on disk.
        quiet: Show no progress.

    Raises:
        BdlbenchError: What was asked for cannot be done; nothing that is finished is lost.
    """
    console = Console(stderr=True, quiet=quiet)
    specs = [parse(text) for text in samplers]
    _check_request(specs, seeds, jobs)
    setup, note = plan.set_up(task, model, epochs, split, data_dir, results, device)
    if note:
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    contenders = [plan.contend(spec, setup.task) for spec in specs]
    records.check_writable(setup.results)
    fingerprints = plan.fingerprints(setup)
    planned = plan.jobs(contenders, setup, fingerprints, range(seeds))
    everything = [job for group in planned for job in group]
    reused = {} if force else execution.finished(everything)
    reused = {run: rescored(setup.results, record) for run, record in reused.items()}
    missing = [job for job in everything if job.run not in reused]
    workers = jobs or (1 if setup.device == "cuda" else machine.cores())
    done = execution.carry_out(missing, min(workers, len(missing)), console)
    groups = [[{**reused, **done}[job.run] for job in group] for group in planned]
    predictions = [read_predictions(setup.results, group) for group in groups]
    reference, reference_note = fidelity.find_reference(setup, fingerprints)
    return Comparison(
        setup=setup,
        note=note,
        seeds=tuple(range(seeds)),
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
            for contender, group, sets in zip(contenders, groups, predictions, strict=True)
        ),
        differences=differences(
            headline(setup.task.ood, setup.split),
            [contender.label for contender in contenders],
            predictions,
        ),
        controls=_controls(setup, fingerprints),
        floor=fidelity.floor(reference) if reference else {},
        reference_note=reference_note,
    )


def _check_request(specs: Sequence[Spec], seeds: int, jobs: int | None) -> None:
    """Refuse what can be refused at once: a misspelt name must not wait for a download."""
    if not specs:
        raise BdlbenchError("expected at least one sampler, got none; see `bdlbench list samplers`")
    for option, value in (("--seeds", seeds), ("--jobs", jobs)):
        if value is not None and value < 1:
            raise BdlbenchError(f"expected {option} of at least 1, got {value}")
    for spec in specs:
        registry.create("samplers", spec)


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
