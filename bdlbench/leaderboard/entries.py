"""The rows of a board: a sampler's metrics over its runs, and its interval of ranks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bdlbench.checks import certificate
from bdlbench.comparison import summary
from bdlbench.comparison.summary import Row
from bdlbench.errors import RecordError
from bdlbench.leaderboard import admission
from bdlbench.metrics.bootstrap import inputs, weighted
from bdlbench.metrics.ranking import rank_intervals
from bdlbench.metrics.scores import agree
from bdlbench.records.record import COMPLETED, Record
from bdlbench.reference.reference import Reference
from bdlbench.runs.plan import Setup

if TYPE_CHECKING:
    from bdlbench.metrics.bootstrap import Weighted

SORT = "negative_log_likelihood"  # what entries are sorted by, the lowest first


@dataclass(frozen=True)
class Entry:
    """One row of a board.

    Args:
        row: What its runs come to.
        rank: Best and worst rank by `SORT` that its runs leave open, 1 being the best.
            None if a run did not complete: the mean of the others would flatter the sampler.
        leading: Metrics on which no sampler is significantly better, and at least one is worse.
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
class _Found:
    """One row before ranking."""

    entry: Entry
    functions: dict[str, dict[int, Weighted]]
    sizes: dict[str, list[int]]


def make(
    groups: Mapping[str, Sequence[Record]], setup: Setup, reference: Reference | None
) -> tuple[Entry, ...]:
    """Return the entries of a board: those with a rank first, by the mean of `SORT`.

    Args:
        groups: Runs of every sampler, by its label.
        setup: What all samplers share.
        reference: What they are to be near to, if there is one.

    Raises:
        BdlbenchError: The predictions of a run cannot be trusted.
    """
    labels: admission.Labels = {}
    found = [_gather(label, group, setup, reference, labels) for label, group in groups.items()]
    return _ranked(found, summary.headline(setup.task.ood, setup.split))


def _gather(
    label: str,
    group: Sequence[Record],
    setup: Setup,
    reference: Reference | None,
    labels: admission.Labels,
) -> _Found:
    """Summarize one sampler's runs; of the predictions, only what is ranked stays in memory."""
    predictions = summary.read_predictions(setup.results, group)
    group = summary.rescored(group, predictions)
    verdict = certificate.of_run(setup.results, group[0])
    settings = group[0].sampler.settings
    row = summary.summarize(label, settings, verdict, group, predictions, reference, {})
    functions: dict[str, dict[int, Weighted]] = defaultdict(dict)
    sizes = {}
    for record in (record for record in group if record.seed in predictions):
        sets = predictions[record.seed]
        admission.check_inputs(record, sets, labels)
        for metric in summary.headline(setup.task.ood, setup.split):
            sizes[metric] = inputs(metric, sets)
            functions[metric][record.seed] = weighted(metric, sets)
            _check_metric(record, metric, functions[metric][record.seed], sizes[metric])
    return _Found(Entry(row, None, frozenset(), tuple(group)), functions, sizes)


def _check_metric(record: Record, metric: str, function: Weighted, sizes: Sequence[int]) -> None:
    """Check a metric of the record against the predictions."""
    said, found = record.metrics.get(metric), float(function(*(np.ones(n) for n in sizes)))
    if said is None or not agree(said, found):
        raise RecordError(
            f"{record.run}: {metric} is {said} in the record, but {found} by its predictions"
        )


def _ranked(found: Sequence[_Found], headline: Sequence[str]) -> tuple[Entry, ...]:
    ordered = sorted(found, key=_place)
    whole = [one for one in ordered if not _failed(one)]
    ranks = {
        metric: rank_intervals(
            metric, [one.functions[metric] for one in whole], whole[0].sizes[metric]
        )
        for metric in headline
        if whole
    }
    entries = []
    for place, one in enumerate(whole):
        leading = frozenset(
            metric
            for metric, intervals in ranks.items()
            if intervals[place][0] == 1 and any(best > 1 for best, _ in intervals)
        )
        entries.append(replace(one.entry, rank=ranks[SORT][place], leading=leading))
    return (*entries, *(one.entry for one in ordered if _failed(one)))


def _failed(found: _Found) -> bool:
    return set(found.entry.row.outcomes) != {COMPLETED}


def _place(found: _Found) -> tuple[bool, float, str]:
    row = found.entry.row
    mean = row.metrics[SORT].mean if SORT in row.metrics else np.inf
    return _failed(found), mean, row.sampler
