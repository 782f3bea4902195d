"""A sampler's metrics against the budget: over complete runs, and within a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bdlbench.comparison.columns import Column
from bdlbench.leaderboard.boards import Board
from bdlbench.leaderboard.entries import Entry
from bdlbench.metrics.scores import describe
from bdlbench.metrics.statistics import Interval
from bdlbench.records.record import COMPLETED
from bdlbench.site import evidence, figures
from bdlbench.site.evidence import Course

Sets = Mapping[int, Mapping[str, Any]]
End = tuple[float, Interval]


def view(
    pairs: Sequence[tuple[Board, Entry]], sets: Sequence[Sets], key: str
) -> list[dict[str, Any]]:
    """Return a figure and its numbers for every metric of a task and model.

    Args:
        pairs: The sampler's entries, one per budget, the smallest first.
        sets: Predictions of each entry's completed runs, by seed and set.
        key: Prefix of the figures' ids in the page.
    """
    courses = [
        evidence.course(record, by_seed[record.seed], board.reference)
        for (board, entry), by_seed in zip(pairs, sets, strict=True)
        for record in entry.records
        if record.outcome == COMPLETED
    ]
    curves = [course for course in courses if course is not None]
    views = []
    for number, column in enumerate(one for one in pairs[0][0].columns if one.arrow):
        name = column.metric
        ends = [
            (entry.row.metrics["epochs"].mean, entry.row.metrics[name])
            for _, entry in pairs
            if name in entry.row.metrics
        ]
        if len(ends) > 1 or any(name in curve.values for curve in curves):
            views.append(_view(column, curves, ends, f"{key}-budget-{number}"))
    return views


def _view(
    column: Column, courses: Sequence[Course], ends: Sequence[End], key: str
) -> dict[str, Any]:
    metric = describe(column.metric)
    rows = [("mean over seeds", f"{epochs:.4g}", _interval(interval)) for epochs, interval in ends]
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
