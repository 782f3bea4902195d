"""Rows of a board: a sampler's metrics over its runs, and its rank interval."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bdlbench.checks import certificate
from bdlbench.comparison import summary
from bdlbench.comparison.columns import Cell, Column
from bdlbench.comparison.resampled import Resampled, widened
from bdlbench.comparison.summary import Row
from bdlbench.errors import RecordError
from bdlbench.leaderboard import admission
from bdlbench.leaderboard.admission import Warn
from bdlbench.metrics import ranking
from bdlbench.metrics.bootstrap import inputs, resample, weighted
from bdlbench.metrics.scores import agree, describe, in_distribution
from bdlbench.records.record import COMPLETED, Record
from bdlbench.reference import bias
from bdlbench.reference.bias import Distances
from bdlbench.reference.reference import Reference
from bdlbench.runs.plan import Setup

if TYPE_CHECKING:
    from bdlbench.metrics.bootstrap import Values, Weighted
    from bdlbench.records.predictions import Sets

SORT = ("negative_log_likelihood", "lppd")  # of classes and of real targets


@dataclass(frozen=True)
class Entry:
    """One row of a board.

    Args:
        row: Summary of its runs.
        rank: Rank interval (best, worst) by `sorting`, 1 being the best. None if a run failed,
            since the mean of the others would be biased.
        unbeaten: Metrics on which no sampler is significantly better.
        leading: Those of them on which it is itself better than another, see `ranking.leading`.
        records: Its runs, completed or failed, by seed.
    """

    row: Row
    rank: tuple[int, int] | None
    unbeaten: frozenset[str]
    leading: frozenset[str]
    records: tuple[Record, ...]

    @property
    def ranks(self) -> str:
        """The rank interval as text: ``1``, ``1–3``, or a dash without a rank."""
        if self.rank is None:
            return "–"
        best, worst = self.rank
        return str(best) if best == worst else f"{best}–{worst}"

    def cell(self, column: Column) -> Cell:
        """Return its cell in a column."""
        return column.cell(self.row, column.metric in self.leading)


@dataclass(frozen=True)
class _Run:
    """A run, its predictions, and its metrics as functions of point weights.

    All but the record are empty if it failed.
    """

    record: Record
    sets: Sets
    functions: Mapping[str, Weighted]
    sizes: dict[str, list[int]]


@dataclass(frozen=True)
class _Unranked:
    """An entry before ranking.

    It has its metrics as functions of point weights, by metric and seed; the distances of its runs
    from the reference; and the metrics' values on resamples of the points.
    """

    entry: Entry
    functions: dict[str, dict[int, Weighted]]
    sizes: dict[str, list[int]]
    distances: Distances | None
    values: Mapping[str, Values] = field(default_factory=dict)


def make(
    groups: Mapping[str, Sequence[Record]],
    setup: Setup,
    reference: Reference | None,
    warn: Warn | None = None,
) -> tuple[Entry, ...]:
    """Return the entries of a board: those with a rank first, by the mean of `sorting`.

    Args:
        groups: Runs of every sampler, by its label.
        setup: What all samplers share.
        reference: The reference posterior, if available.
        warn: As for `boards.build`.

    Raises:
        BdlbenchError: The predictions of a run are invalid.
    """
    labels: admission.Labels = {}
    unranked = []
    for label, group in groups.items():
        runs = []
        for record in group:
            with admission.tolerating(record.run, warn):
                runs.append(_read(record, setup, labels))
        if runs:
            unranked.append(_gather(label, runs, setup, reference))
    return _ranked(unranked, summary.headline(setup.task.ood_names, setup.split, setup.task.kind))


def _read(record: Record, setup: Setup, labels: admission.Labels) -> _Run:
    """Read a run's predictions, and check them and its record."""
    predictions = summary.read_predictions(setup.results, [record])
    (record,) = summary.rescored([record], predictions)
    if record.seed not in predictions:
        return _Run(record, {}, {}, {})
    sets = predictions[record.seed]
    admission.check_inputs(record, sets, labels)
    metrics = summary.headline(setup.task.ood_names, setup.split, setup.task.kind)
    sizes = {metric: inputs(metric, sets) for metric in metrics}
    functions = {metric: weighted(metric, sets) for metric in metrics}
    for metric in metrics:
        _check_metric(record, metric, functions[metric], sizes[metric])
    return _Run(record, sets, functions, sizes)


def _gather(
    label: str, runs: Sequence[_Run], setup: Setup, reference: Reference | None
) -> _Unranked:
    """Summarize a sampler's runs, retaining only what ranking needs of the predictions."""
    group = [run.record for run in runs]
    completed = {run.record.seed: run for run in runs if run.sets}
    predictions = {seed: run.sets for seed, run in completed.items()}
    verdict = certificate.of_run(setup.results, group[0])
    settings = group[0].sampler.settings
    row = summary.summarize(label, settings, verdict, group, predictions, reference, {})
    functions: dict[str, dict[int, Weighted]] = defaultdict(dict)
    sizes: dict[str, list[int]] = {}
    for seed, run in completed.items():
        sizes = run.sizes
        for metric, function in run.functions.items():
            functions[metric][seed] = function
    entry = Entry(row, None, frozenset(), frozenset(), tuple(group))
    inside = {seed: in_distribution(sets) for seed, sets in predictions.items()}
    distances = bias.distances(inside, reference) if reference else None
    return _Unranked(entry, functions, sizes, distances)


def _check_metric(record: Record, metric: str, function: Weighted, sizes: Sequence[int]) -> None:
    recorded, value = record.metrics.get(metric), float(function(*(np.ones(n) for n in sizes)))
    if recorded is None or not agree(recorded, value):
        raise RecordError(
            f"{record.run}: {metric} is {recorded} in the record, but {value} from its predictions"
        )


def _ranked(unranked: Sequence[_Unranked], headline: Sequence[str]) -> tuple[Entry, ...]:
    by = sorting(headline)
    ordered = _resampled(sorted(unranked, key=partial(_sort_key, by)), headline)
    completed = [one for one in ordered if not _failed(one)]
    failed = [one.entry for one in ordered if _failed(one)]
    if not completed:
        return tuple(failed)
    pairs = {
        metric: ranking.compare_pairs(
            metric, [one.values[metric] for one in completed], min(completed[0].sizes[metric])
        )
        for metric in headline
    }
    if any(one.distances for one in completed):
        pairs[bias.BIAS] = bias.compare_pairs([one.distances for one in completed])
    ranks = {metric: ranking.rank_intervals(each) for metric, each in pairs.items()}
    leading = dict(zip(pairs, ranking.leading(list(pairs.values())), strict=True))
    entries = [
        replace(
            one.entry,
            rank=ranks[by][k],
            unbeaten=frozenset(metric for metric in pairs if ranks[metric][k][0] == 1),
            leading=frozenset(metric for metric in pairs if leading[metric][k]),
        )
        for k, one in enumerate(completed)
    ]
    return (*entries, *failed)


def _resampled(unranked: Sequence[_Unranked], headline: Sequence[str]) -> list[_Unranked]:
    """Add the metrics' values on resamples that all samplers share, and intervals from them."""
    sizes = next((one.sizes for one in unranked if one.sizes), {})
    values = {
        metric: Resampled(
            resample([one.functions.get(metric, {}) for one in unranked], sizes[metric]),
            min(sizes[metric]),
        )
        for metric in headline
        if sizes
    }
    rows = widened([one.entry.row for one in unranked], values)
    return [
        replace(
            one,
            entry=replace(one.entry, row=row),
            values={metric: each.values[k] for metric, each in values.items()},
        )
        for k, (one, row) in enumerate(zip(unranked, rows, strict=True))
    ]


def _failed(one: _Unranked) -> bool:
    return set(one.entry.row.outcomes) != {COMPLETED}


def sorting(headline: Sequence[str]) -> str:
    """Return the metric by which the entries of a board are sorted, the best first."""
    return next(metric for metric in SORT if metric in headline)


def _sort_key(by: str, one: _Unranked) -> tuple[bool, float, str]:
    row = one.entry.row
    sign = 1 if describe(by).direction == "down" else -1
    mean = sign * row.metrics[by].mean if by in row.metrics else np.inf
    return _failed(one), mean, row.sampler
