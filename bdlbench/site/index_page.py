"""Content of the index page: a table and plots for every board."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bdlbench.comparison import table
from bdlbench.comparison.columns import CHANCE_RULE, Column, control_rows
from bdlbench.leaderboard import rendering
from bdlbench.leaderboard.boards import Board
from bdlbench.leaderboard.entries import Entry, sorting
from bdlbench.metrics.scores import describe
from bdlbench.site import forest, marks, winners
from bdlbench.site.marks import Mark
from bdlbench.site.text import page_name


def view(boards: Sequence[Board]) -> dict[str, Any]:
    """Return the variables of the template ``index.html``."""
    columns = {one.metric: one for board in boards for one in _columns(board) if one.arrow}
    return {
        "boards": [_board(board) for board in boards],
        "no_runs": rendering.NO_RUNS,
        "legend": _legend(boards),
        "chance": CHANCE_RULE,
        "terms": [
            (f"{column.title} {column.arrow}", describe(name).definition)
            for name, column in columns.items()
        ],
    }


def _board(board: Board) -> dict[str, Any]:
    key = page_name("-".join([*filter(None, board.subject), f"{board.epochs:g}", f"{board.draws}"]))
    columns = _columns(board)
    rows = [_row(board, entry, columns) for entry in board.entries]
    kinds = {row["outcome"] for row in rows}
    return {
        "key": key,
        "title": rendering.title(board),
        "subtitle": _subtitle(board),
        "winners": winners.of(board),
        "columns": columns,
        "rows": rows,
        "targets": sorted({row["target"] for row in rows}),
        "outcomes": [kind for kind in marks.OUTCOMES if kind in kinds],
        "controls": control_rows(board.controls, columns),
        "figures": _figures(board, key),
        "caption": _caption(board),
        "failures": board.failures,
        "notes": [*filter(None, [board.origin]), *board.notes],
    }


def _columns(board: Board) -> list[Column]:
    """Return the columns with at least one value."""
    return [
        column
        for column in board.columns
        if any(column.metric in entry.row.metrics for entry in board.entries)
    ]


def _subtitle(board: Board) -> str:
    """Say in plain words what is compared."""
    count, runs = len(board.entries), [len(entry.records) for entry in board.entries]
    trials = [run.sampler.trials for entry in board.entries for run in entry.records]
    tuned = [number for number in trials if number]
    sets = [name.split(".")[1] for name in board.headline if name.startswith("ood.")]
    sentences = [
        f"{count} sampler{'s' if count > 1 else ''} of the weights of the network {board.model}, "
        f"trained on {board.task} for {board.budget} with {_range(runs)} random "
        f"seed{'s' if max(runs) > 1 else ''} each.",
        f"Hyperparameters: the best of {_range(tuned)} trials." if tuned else "",
        f"Unknown inputs, of no class in the training data: {', '.join(sets)}." if sets else "",
    ]
    return " ".join(filter(None, sentences))


def _range(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"{low}" if low == high else f"{low} to {high}"


def _legend(boards: Sequence[Board]) -> list[tuple[Mark, str]]:
    """Explain the badges that occur in the tables."""
    rows = [entry.row for board in boards for entry in board.entries]
    shown = {marks.target(row) for row in rows}
    shown |= {marks.COLLAPSED} if any(row.collapsed for row in rows) else set()
    found = [(mark, text) for mark, text in marks.LEGEND.items() if mark in shown]
    states = [(marks.STATES, marks.STATES_MEANING)] if any(map(marks.run, rows)) else []
    return found + states


def _row(board: Board, entry: Entry, columns: Sequence[Column]) -> dict[str, Any]:
    kind, failed = marks.outcomes(entry.row)
    return {
        "rank": entry.ranks,
        "rank_order": _rank_order(entry),
        "label": entry.row.sampler,
        "page": page_name(entry.row.sampler),
        "target": marks.target(entry.row).text,
        "outcome": kind,
        "marks": [marks.target(entry.row), *filter(None, [marks.run(entry.row), failed])],
        "cells": [entry.cell(column) for column in columns],
    }


def _rank_order(entry: Entry) -> str:
    """Return the sort key of the rank; an entry without a rank sorts last."""
    if entry.rank is None:
        return ""
    low, high = entry.rank
    return f"{low + high / 10_000:.4f}"  # ties are broken by width


def _figures(board: Board, key: str) -> list[dict[str, Any]]:
    """Return a forest plot for every compared metric, that of `sorting` first."""
    views = []
    first = sorting(board.headline)
    for number, name in enumerate(sorted(board.headline, key=lambda name: name != first)):
        metric = describe(name)
        rows = [
            (table.name(entry.row), entry.row.metrics[name])
            for entry in board.entries
            if name in entry.row.metrics
        ]
        rows.sort(key=lambda row: row[1].mean, reverse=metric.direction == "up")
        if len(rows) > 1:
            figure = forest.forest(metric, rows)
            views.append({"key": f"{key}-figure-{number}", "title": metric.label, "figure": figure})
    return views


def _caption(board: Board) -> str:
    many = len(board.entries) > forest.MOST_ROWS
    first = f"The first {forest.MOST_ROWS} samplers" if many else "All samplers"
    return (
        f"{first} by this metric, the best at the top. Bars: 95 % confidence intervals over "
        "repeated runs. An arrow at the border marks a value, or the end of a bar, beyond the axis."
    )
