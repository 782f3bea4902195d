"""Say how a sampler's metrics depend on what it spends: over budgets, and within a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bdlbench.comparison.columns import Column
from bdlbench.errors import RecordError
from bdlbench.leaderboard.boards import Board
from bdlbench.leaderboard.entries import Entry
from bdlbench.metrics.scores import describe
from bdlbench.metrics.statistics import Interval
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import COMPLETED
from bdlbench.reference import reference
from bdlbench.reference.reference import Reference
from bdlbench.site import evidence, figures
from bdlbench.site.evidence import Course

Sets = Mapping[int, Mapping[str, Predictions]]
End = tuple[float, Interval]
References = Mapping[tuple[str, str, str], Reference | None]
"""Reference posteriors by a board's `subject`; None where there is none."""


def references(results: Path, boards: Sequence[Board]) -> References:
    """Load the reference posterior of every task, model and data once."""
    found: dict[tuple[str, str, str], Reference | None] = {}
    for board in boards:
        if board.subject not in found:
            found[board.subject] = _reference(results, board)
    return found


def _reference(results: Path, board: Board) -> Reference | None:
    if board.reference_note:
        return None
    record = board.entries[0].records[0]
    try:
        found = reference.load(board.task, results, data=record.data)
        found.check_fits(board.model, record.configuration["prior_std"], record.data)
    except RecordError:
        return None
    return found


def view(
    pairs: Sequence[tuple[Board, Entry]], sets: Sequence[Sets], gold: Reference | None, key: str
) -> list[dict[str, Any]]:
    """Return a figure for every metric of a task and model, with the numbers in it.

    Args:
        pairs: The sampler's entries, a budget each, the smallest first.
        sets: Predictions of each entry's completed runs, by seed and set.
        gold: The reference posterior, if there is one.
        key: Begins the figures' names within the page.
    """
    courses = [
        evidence.course(record, by_seed[record.seed], gold)
        for (_, entry), by_seed in zip(pairs, sets, strict=True)
        for record in entry.records
        if record.outcome == COMPLETED
    ]
    known = [course for course in courses if course is not None]
    shown = []
    for number, column in enumerate(one for one in pairs[0][0].columns if one.arrow):
        name = column.metric
        ends = [
            (entry.row.metrics["epochs"].mean, entry.row.metrics[name])
            for _, entry in pairs
            if name in entry.row.metrics
        ]
        if len(ends) > 1 or any(name in course.values for course in known):
            shown.append(_shown(column, known, ends, f"{key}-budget-{number}"))
    return shown


def _shown(
    column: Column, courses: Sequence[Course], ends: Sequence[End], key: str
) -> dict[str, Any]:
    metric = describe(column.metric)
    rows = [
        ("mean of the seeds", f"{epochs:.4g}", _interval(interval)) for epochs, interval in ends
    ]
    rows += [
        (f"seed {course.seed}", f"{epochs:.4g}", f"{value:.4f}")
        for course in courses
        for epochs, value in zip(course.epochs, course.values.get(metric.name, ()), strict=False)
    ]
    return {
        "key": key,
        "title": column.title,
        "direction": figures.GOOD[metric.direction],
        "figure": figures.budget(metric, courses, ends),
        "rows": rows,
    }


def _interval(interval: Interval) -> str:
    if interval.high is None:
        return f"{interval.mean:.4f}"
    return f"{interval.mean:.4f} ±{interval.high - interval.mean:.4f}"
