"""Say what the page of a sampler shows: its scores, diagrams and runs on every board."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bdlbench import registry
from bdlbench.comparison.summary import read_predictions
from bdlbench.leaderboard import admission
from bdlbench.leaderboard.boards import Board
from bdlbench.leaderboard.entries import Entry
from bdlbench.records import store
from bdlbench.records.record import Record
from bdlbench.reference.reference import Reference
from bdlbench.site import budgets, cells, certification, diagrams, downloads
from bdlbench.site.budgets import References
from bdlbench.site.text import page_name
from bdlbench.storage.escaping import visible

Pair = tuple[Board, Entry]


def group(boards: Sequence[Board]) -> dict[str, list[Pair]]:
    """Return what the page of every label shows, the smallest budget first.

    A sampler is called by the settings in which it differs from others on a board, and so may have
    different labels on different boards. The page of each has all of its runs on the same task,
    model and data.
    """
    same: dict[tuple[str, ...], list[Pair]] = defaultdict(list)
    for board in sorted(boards, key=lambda board: (board.epochs, board.draws)):
        for entry in board.entries:
            same[_identity(board, entry)].append((board, entry))
    pages: dict[str, dict[tuple[str, ...], list[Pair]]] = defaultdict(dict)
    for board in boards:
        for entry in board.entries:
            key = _identity(board, entry)
            pages[entry.row.sampler][key] = same[key]
    return {
        label: [pair for pairs in found.values() for pair in pairs]
        for label, found in pages.items()
    }


def _identity(board: Board, entry: Entry) -> tuple[str, ...]:
    return *board.subject, admission.identity(entry.records[0])


def view(
    results: Path, label: str, pairs: Sequence[Pair], gold: References, site: Path
) -> dict[str, Any]:
    """Return what the template ``sampler.html`` needs, and copy the runs' files into the site."""
    sections: dict[tuple[str, str, str], list[Pair]] = defaultdict(list)
    for board, entry in pairs:
        sections[board.subject].append((board, entry))
    entries = [entry for _, entry in pairs]
    return {
        "label": label,
        "summary": _summary(entries[0].records[0].sampler["name"]),
        "marks": list(dict.fromkeys(cells.target(entry.row) for entry in entries)),
        "sections": [_section(results, site, part, gold[key]) for key, part in sections.items()],
        "certification": certification.view(results, entries, site),
    }


def _summary(name: str) -> str:
    """Return the first line of the docstring of an installed sampler, which is not imported."""
    known = name in registry.names("samplers")
    return registry.summary("samplers", name)[0] if known else ""


def _section(
    results: Path, site: Path, pairs: Sequence[Pair], gold: Reference | None
) -> dict[str, Any]:
    """Return what is shown of one task and model: an entry for each budget, and all together."""
    board, _ = pairs[0]
    key = page_name("-".join(filter(None, board.subject)))
    entries, sets = [], []
    for number, (board, entry) in enumerate(pairs):
        sets.append(read_predictions(results, entry.records))
        entries.append(_entry(board, entry, f"{key}-{number}", sets[-1], results, site))
    return {
        "key": key,
        "title": " · ".join(filter(None, board.subject)),
        "origin": board.origin,
        "entries": entries,
        "budgets": budgets.view(pairs, sets, gold, key),
    }


def _entry(
    board: Board, entry: Entry, key: str, sets: Mapping[int, Any], results: Path, site: Path
) -> dict[str, Any]:
    return {
        "key": key,
        "title": board.budget,
        "reasons": entry.row.reasons,
        "trials": cells.trials(entry),
        "settings": [(name, f"{value}") for name, value in entry.row.settings.items()],
        "rank": entry.ranks,
        "columns": board.columns,
        "cells": board.cells(entry),
        "runs": [_run(results, record, site) for record in entry.records],
        "record": [visible(line) for line in store.to_text(entry.records[0]).split("\n")],
        **diagrams.view(board.task, list(sets.values())),
    }


def _run(results: Path, record: Record, site: Path) -> dict[str, Any]:
    """Return a line of the table of runs; the run's files are copied beside the pages."""
    record_file, *rest = (f"../{path}" for path in downloads.copy_run(results, record, site))
    return {
        "name": record.run,
        "seed": record.seed,
        "outcome": cells.outcome(record.outcome),
        "epochs": f"{record.epochs:.4g}",
        "draws": record.draws,
        "seconds": f"{record.measured['seconds']:.1f}",
        "record": record_file,
        "predictions": rest[0] if rest else "",
        "checksum": record.predictions_sha256[:16],
    }
