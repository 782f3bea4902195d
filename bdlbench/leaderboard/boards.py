"""Build the leaderboard from stored runs: a board for each task, model and budget."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bdlbench.comparison import summary, table
from bdlbench.comparison.columns import Cell, Column, columns
from bdlbench.data import origins
from bdlbench.leaderboard import admission, entries
from bdlbench.leaderboard.admission import Warn
from bdlbench.leaderboard.entries import Entry
from bdlbench.problem import Budget
from bdlbench.records.record import Record, Sampler
from bdlbench.reference import fidelity
from bdlbench.reference.control_rows import kept_controls
from bdlbench.reference.reference import Reference
from bdlbench.runs import built_in_tasks, numerics, tasks
from bdlbench.runs.plan import Setup
from bdlbench.runs.task import of_record
from bdlbench.settings import Spec, differing
from bdlbench.storage.escaping import LONGEST, visible


@dataclass(frozen=True)
class Board:
    """A table of comparable runs.

    Args:
        task: Name of the task.
        model: Name of the model.
        epochs: Epochs per run.
        draws: Draws per run.
        budget: Both, as text.
        headline: Names of the metrics that samplers are compared on.
        entries: Rows; those with a rank first, by the mean of `entries.sorting`.
        controls: AUROC of scores of the pixels alone, by OOD set and control.
        reference: The reference posterior, if available.
        floor: Agreement and total variation between the reference's halves; empty without one.
        reference_note: Why there is no reference.
        mark: Unofficial data or numerics version, for the title; empty if official.
        origin: Description of the source of the training data; empty if unknown.
        shift: Names of the shifted test sets.
    """

    task: str
    model: str
    epochs: float
    draws: int
    budget: str
    headline: tuple[str, ...]
    entries: tuple[Entry, ...]
    controls: dict[str, dict[str, float]]
    reference: Reference | None
    floor: dict[str, float]
    reference_note: str
    mark: str = ""
    origin: str = ""
    shift: tuple[str, ...] = ()

    @property
    def subject(self) -> tuple[str, str, str]:
        """The board without its budget: task, model and mark."""
        return self.task, self.model, self.mark

    @property
    def columns(self) -> list[Column]:
        """The columns of its table."""
        return columns(self.headline, "test", self.shift)

    @property
    def failures(self) -> list[str]:
        """The outcomes of failed runs, with the reasons."""
        return table.failures([entry.row for entry in self.entries])

    @property
    def notes(self) -> list[str]:
        """Notes on how to read the table."""
        return table.notes(self.floor, self.reference_note, self.controls)

    def cells(self, entry: Entry) -> list[Cell]:
        """Return an entry's metrics, one cell per column."""
        return [entry.cell(column) for column in self.columns]


def build(results: Path, warn: Warn | None = None) -> list[Board]:
    """Build all boards from the stored runs on the test split, without loading any plugin.

    The largest task comes first, and of its boards the one with most samplers.

    Args:
        results: Folder of the results.
        warn: Called with the name of every damaged run, which is left out; None to refuse them.

    Raises:
        BdlbenchError: A record or its predictions are invalid, or runs are not comparable.
    """
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in admission.read_runs(results, warn):
        if record.configuration.split == "test":
            with admission.tolerating(record.run, warn):
                admission.check_record(record)
                groups[_key(record)].append(record)
    titles = Counter(key[:-1] for key in groups)
    built = [
        _board(results, group, several=titles[key[:-1]] > 1, warn=warn)
        for key, group in sorted(groups.items())
    ]
    return sorted((board for board in built if board.entries), key=order)


def order(board: Board) -> tuple[int, int]:
    """Sort the largest task first, and of its boards the one with most samplers."""
    known = list(built_in_tasks.TASKS)
    place = known.index(board.task) if board.task in known else -1
    return -place, -len(board.entries)


def _key(record: Record) -> tuple[Any, ...]:
    """Return what the runs of a board have in common; their data come last."""
    made = record.configuration
    subject = record.task, made.model, _mark(record)
    data = dict(record.data)
    if tasks.built_in(record.task) is None:  # else the task says so
        data["posterior"] = f"{made.likelihood}, {made.prior_std}, {made.burn_in}"
        data["model"] = made.model_sha256 or ""
        data["likelihood"] = made.likelihood_sha256 or ""
    return *subject, made.epochs, made.draws, origins.digest(data)


def _mark(record: Record, several: bool = False) -> str:
    """Return the unofficial data or numerics version of a board's run, for its title.

    With ``several`` boards that differ only in their data, the official data is named, too.
    """
    data, version = origins.mark(record.task, record.data), admission.numerics_of(record)
    if several and not data:
        data = origins.on(record.data)
    official = version == str(numerics.declared().version)
    return " · ".join(filter(None, [data, "" if official else f"numerics {version}"]))


def _board(results: Path, runs: Sequence[Record], several: bool, warn: Warn | None) -> Board:
    admission.check_board(runs)
    data, made = runs[0].data, runs[0].configuration
    budget = Budget(made.epochs, made.draws, made.burn_in)
    known = tasks.built_in(runs[0].task)
    task = of_record(runs[0]) if known is None else replace(known, budget=budget)
    setup = Setup(task, made.model, "test", "cpu", results, data_dir=None)
    reference, note = fidelity.find_reference(setup, data)
    headline = summary.headline(task.ood_names, setup.split, task.kind)
    return Board(
        task=task.name,
        model=setup.model,
        epochs=task.budget.epochs,
        draws=task.budget.draws,
        budget=tasks.budget_of(task),
        headline=tuple(headline),
        entries=entries.make(_labelled(runs), setup, reference, warn),
        controls=kept_controls(results, task.name, data) or {},
        reference=reference,
        floor=fidelity.floor(reference, made.draws) if reference else {},
        reference_note=note,
        mark=_mark(runs[0], several),
        origin=origins.sentence(data),
        shift=tuple(task.shift),
    )


def _labelled(runs: Sequence[Record]) -> dict[str, list[Record]]:
    """Group runs by sampler, in order of seeds; labels have the hyperparameters that differ."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(runs, key=lambda record: record.seed):
        groups[admission.identity(record)].append(record)
    samplers = [group[0].sampler for group in groups.values()]
    labels = [_label(sampler, samplers) for sampler in samplers]
    shown = Counter(visible(label) for label in labels)
    names = [
        label if shown[visible(label)] == 1 else _with_digest(label, identity)
        for label, identity in zip(labels, groups, strict=True)
    ]
    return dict(zip(names, groups.values(), strict=True))


def _label(sampler: Sampler, samplers: Sequence[Sampler]) -> str:
    same_name = [other.settings for other in samplers if other.name == sampler.name]
    settings = differing(sampler.settings, same_name)
    return str(Spec(sampler.name, tuple((name, str(value)) for name, value in settings.items())))


def _with_digest(label: str, identity: str) -> str:
    """Return a label that stays unique when it is escaped and truncated for display."""
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{visible(label, LONGEST // 2)} #{digest}"
