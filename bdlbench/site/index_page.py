"""Content of the index page: a table and plots for every board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bdlbench.comparison.columns import control_rows
from bdlbench.leaderboard import rendering
from bdlbench.leaderboard.boards import Board
from bdlbench.leaderboard.entries import SORT, Entry
from bdlbench.metrics.scores import describe
from bdlbench.site import figures, marks
from bdlbench.site.text import page_name


def view(boards: Sequence[Board]) -> dict[str, Any]:
    """Return the variables of the template ``index.html``."""
    columns = {one.metric: one for board in boards for one in board.columns if one.arrow}
    return {
        "boards": [_board(board) for board in boards],
        "no_runs": rendering.NO_RUNS,
        "terms": [
            (f"{column.title} {column.arrow}", describe(name).definition)
            for name, column in columns.items()
        ],
    }


def _board(board: Board) -> dict[str, Any]:
    key = page_name("-".join([*filter(None, board.subject), f"{board.epochs:g}", f"{board.draws}"]))
    rows = [_row(board, entry) for entry in board.entries]
    kinds = {row["outcome"] for row in rows}
    return {
        "key": key,
        "title": rendering.title(board),
        "subtitle": _subtitle(board),
        "columns": board.columns,
        "rows": rows,
        "targets": sorted({row["target"] for row in rows}),
        "outcomes": [kind for kind in marks.OUTCOMES if kind in kinds],
        "controls": control_rows(board.controls, board.columns),
        "figures": _figures(board, key),
        "caption": _caption(board),
        "failures": board.failures,
        "notes": [*filter(None, [board.origin]), *board.notes],
    }


def _subtitle(board: Board) -> str:
    seeds = sorted({len(entry.records) for entry in board.entries})
    runs = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return (
        f"{len(board.entries)} samplers, {runs} runs each. Ranked by {describe(SORT).label}; "
        "a coloured cell: no sampler is significantly better, and at least one is worse."
    )


def _row(board: Board, entry: Entry) -> dict[str, Any]:
    kind, failed = marks.outcomes(entry.row)
    return {
        "rank": entry.ranks,
        "rank_order": _rank_order(entry),
        "label": entry.row.sampler,
        "page": page_name(entry.row.sampler),
        "target": marks.target(entry.row).text,
        "outcome": kind,
        "marks": [marks.target(entry.row), *filter(None, (failed, marks.trials(entry)))],
        "cells": board.cells(entry),
    }


def _rank_order(entry: Entry) -> str:
    """Return the sort key of the rank; an entry without a rank sorts last."""
    if entry.rank is None:
        return ""
    low, high = entry.rank
    return f"{low + high / 10_000:.4f}"  # ties are broken by width


def _figures(board: Board, key: str) -> list[dict[str, Any]]:
    """Return a forest plot for every compared metric, that of `SORT` first."""
    views = []
    for number, name in enumerate(sorted(board.headline, key=lambda name: name != SORT)):
        metric = describe(name)
        rows = [
            (entry.row.sampler, entry.row.metrics[name])
            for entry in board.entries
            if name in entry.row.metrics
        ]
        rows.sort(key=lambda row: row[1].mean, reverse=metric.direction == "up")
        if len(rows) > 1:
            figure = figures.forest(metric, rows)
            views.append({"key": f"{key}-figure-{number}", "title": metric.label, "figure": figure})
    return views


def _caption(board: Board) -> str:
    many = len(board.entries) > figures.MOST_ROWS
    first = f"The first {figures.MOST_ROWS} samplers" if many else "All samplers"
    return (
        f"{first} by this metric, the best at the top, with 95 % confidence intervals over seeds."
    )
