"""Build the leaderboard from the runs that are kept: a board for each task, model and budget."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bdlbench.checks import certificate
from bdlbench.comparison import summary
from bdlbench.comparison.columns import Cell, Column, columns
from bdlbench.comparison.summary import Row
from bdlbench.data import origins
from bdlbench.errors import RecordError
from bdlbench.leaderboard import admission
from bdlbench.metrics.bootstrap import inputs, weighted
from bdlbench.metrics.ranking import rank_intervals
from bdlbench.metrics.scores import TOLERANCE, describe
from bdlbench.problem import Budget
from bdlbench.records.record import COMPLETED, Record
from bdlbench.reference import fidelity
from bdlbench.reference.control_rows import kept_controls
from bdlbench.reference.reference import Reference
from bdlbench.runs import numerics, tasks
from bdlbench.runs.plan import Setup
from bdlbench.settings import Spec

if TYPE_CHECKING:
    from bdlbench.metrics.bootstrap import Weighted

SORT = "negative_log_likelihood"


@dataclass(frozen=True)
class Entry:
    """Hold one row of a board.

    Args:
        row: What its runs come to.
        rank: Best and worst rank by the sorting metric that its runs leave open, 1 being the best.
            None if a run did not complete: the mean of the others would flatter the sampler.
        leading: Metrics on which nobody is clearly better, though somebody is clearly worse.
        records: Its runs, completed or not, by seed.
    """

    row: Row
    rank: tuple[int, int] | None
    leading: frozenset[str]
    records: tuple[Record, ...]

    @property
    def ranks(self) -> str:
        """The interval of ranks: ``1``, or ``1–3`` for a tie; a dash without one."""
        if self.rank is None:
            return "–"
        best, worst = self.rank
        return str(best) if best == worst else f"{best}–{worst}"


@dataclass(frozen=True)
class Board:
    """Hold what may be compared.

    Args:
        task: Name of the task.
        model: Name of the model.
        epochs: That every run may spend.
        draws: That every run keeps.
        budget: Both, in words.
        sort: Name of the metric that entries are sorted by.
        headline: Names of the metrics that entries are compared on.
        entries: Those with a rank first, by the mean of the sorting metric.
        controls: AUROC of scores that see no network, by OOD set and control.
        floor: Agreement and total variation between halves of the reference; empty without one.
        reference_note: Why there is no reference.
        mark: What tells the board from others of the task in its title: its data or numerics
            version, if they are not the usual ones; else empty.
        origin: Sentence on where the training data came from; empty if it is not known.
    """

    task: str
    model: str
    epochs: float
    draws: int
    budget: str
    sort: str
    headline: tuple[str, ...]
    entries: tuple[Entry, ...]
    controls: dict[str, dict[str, float]]
    floor: dict[str, float]
    reference_note: str
    mark: str = ""
    origin: str = ""

    @property
    def subject(self) -> tuple[str, str, str]:
        """What is measured, whatever the budget: task, model, and what marks them."""
        return self.task, self.model, self.mark

    @property
    def columns(self) -> list[Column]:
        """The columns of its table."""
        return columns(self.headline, "test")

    def cells(self, entry: Entry) -> list[Cell]:
        """Return the figures of an entry, a cell for each column."""
        return [
            column.cell(entry.row.metrics.get(column.metric), column.metric in entry.leading)
            for column in self.columns
        ]


@dataclass(frozen=True)
class _Found:
    """Hold what is known of one row before it is ranked."""

    row: Row
    records: tuple[Record, ...]
    functions: dict[str, dict[int, Weighted]]
    sizes: dict[str, list[int]]


def build(results: Path, task: str | None = None) -> list[Board]:
    """Build all boards from the records of the test split and their predictions.

    No plugin is loaded.

    Args:
        results: Folder that runs are kept in.
        task: Of this task alone.

    Raises:
        BdlbenchError: A record or its predictions cannot be trusted, or runs cannot be compared.
    """
    if task is not None:
        tasks.get(task)
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in admission.read_runs(results):
        if record.configuration["split"] == "test" and task in (None, record.task):
            admission.check_record(record)
            made = record.configuration
            budget = (made["budget"][name] for name in ("epochs", "draws"))
            subject = record.task, made["model"], _mark(record)
            groups[*subject, *budget, origins.digest(record.data)].append(record)
    titles = Counter(key[:-1] for key in groups)
    return [
        _board(results, group, several=titles[key[:-1]] > 1)
        for key, group in sorted(groups.items())
    ]


def _mark(record: Record, several: bool = False) -> str:
    """Say on a board which data and which numerics version it is of, if they are not the usual.

    Args:
        record: Of a run on the board.
        several: Whether there are boards that only their data tell apart.
    """
    data, version = origins.mark(record.task, record.data), admission.numerics_of(record)
    if several and not data:
        data = origins.on(record.data)
    usual = version == str(numerics.declared().version)
    return " · ".join(filter(None, [data, "" if usual else f"numerics {version}"]))


def _board(results: Path, runs: Sequence[Record], several: bool) -> Board:
    admission.check_board(runs)
    data, made = runs[0].data, runs[0].configuration
    task = replace(tasks.get(runs[0].task), budget=Budget(**made["budget"]))
    setup = Setup(task, made["model"], "test", "cpu", results, data_dir=None)
    reference, note = fidelity.find_reference(setup, data)
    headline = summary.headline(task.ood, setup.split)
    labels: admission.Labels = {}
    found = [
        _gather(label, group, setup, reference, labels) for label, group in _labelled(runs).items()
    ]
    return Board(
        task=task.name,
        model=setup.model,
        epochs=task.budget.epochs,
        draws=task.budget.draws,
        budget=tasks.budget_of(task),
        sort=SORT,
        headline=tuple(headline),
        entries=_ranked(found, headline),
        controls=kept_controls(results, task.name, data) or {},
        floor=fidelity.floor(reference) if reference else {},
        reference_note=note,
        mark=_mark(runs[0], several),
        origin=origins.sentence(data),
    )


def _labelled(runs: Sequence[Record]) -> dict[str, list[Record]]:
    """Group runs by sampler, by seed: named by the settings in which samplers of a name differ."""
    groups: dict[str, list[Record]] = defaultdict(list)
    for record in sorted(runs, key=lambda record: record.seed):
        groups[admission.identity(record)].append(record)
    samplers = [group[0].sampler for group in groups.values()]
    labels = [_label(sampler, samplers) for sampler in samplers]
    return dict(zip(labels, groups.values(), strict=True))


def _label(sampler: Mapping[str, Any], samplers: Sequence[Mapping[str, Any]]) -> str:
    twins = [other["settings"] for other in samplers if other["name"] == sampler["name"]]
    differing = tuple(
        (name, str(value))
        for name, value in sampler["settings"].items()
        if any(name not in other or other[name] != value for other in twins)
    )
    return str(Spec(sampler["name"], differing))


def _gather(
    label: str,
    group: Sequence[Record],
    setup: Setup,
    reference: Reference | None,
    labels: admission.Labels,
) -> _Found:
    """Sum up one sampler's runs; of the predictions, only what is ranked is kept."""
    predictions = summary.read_predictions(setup.results, group)
    group = summary.rescored(group, predictions)
    verdict = certificate.of_run(setup.results, group[0])
    settings = group[0].sampler["settings"]
    row = summary.sum_up(label, settings, verdict, group, predictions, reference, {})
    headline = summary.headline(setup.task.ood, setup.split)
    functions: dict[str, dict[int, Weighted]] = {metric: {} for metric in headline}
    sizes = {}
    for record in group:
        if record.seed in predictions:
            sets = predictions[record.seed]
            admission.check_inputs(record, sets, labels)
            for metric in headline:
                sizes[metric] = inputs(metric, sets)
                functions[metric][record.seed] = weighted(metric, sets)
                _check_metric(record, metric, functions[metric][record.seed], sizes[metric])
    return _Found(row, tuple(group), functions, sizes)


def _check_metric(record: Record, metric: str, function: Weighted, sizes: Sequence[int]) -> None:
    """Hold a metric of the record against its predictions; they are at hand."""
    said, found = record.metrics.get(metric), float(function(*(np.ones(n) for n in sizes)))
    if said is None or not math.isclose(said, found, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        raise RecordError(
            f"{record.run}: {metric} is {said} in the record, but {found} by its predictions"
        )


def _ranked(found: Sequence[_Found], headline: Sequence[str]) -> tuple[Entry, ...]:
    ordered = sorted(found, key=_place)
    whole = [one for one in ordered if not _failed(one.row)]
    ranks = {
        metric: rank_intervals(
            metric, [one.functions[metric] for one in whole], whole[0].sizes[metric]
        )
        for metric in headline
        if whole
    }
    entries = []
    for place, one in enumerate(whole):
        leading = [
            metric
            for metric, intervals in ranks.items()
            if intervals[place][0] == 1 and any(best > 1 for best, _ in intervals)
        ]
        entries.append(Entry(one.row, ranks[SORT][place], frozenset(leading), one.records))
    rest = [Entry(one.row, None, frozenset(), one.records) for one in ordered if _failed(one.row)]
    return (*entries, *rest)


def _failed(row: Row) -> bool:
    return set(row.outcomes) != {COMPLETED}


def _place(found: _Found) -> tuple[bool, float, str]:
    mean = found.row.metrics[SORT].mean if SORT in found.row.metrics else np.inf
    sign = 1 if describe(SORT).direction == "down" else -1
    return _failed(found.row), sign * mean, found.row.sampler
