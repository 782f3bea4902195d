"""Content of a sampler's page: its metrics, plots and runs on every board."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bdlbench import descriptions, registry
from bdlbench.comparison import run_state
from bdlbench.comparison.summary import read_predictions
from bdlbench.leaderboard import admission
from bdlbench.leaderboard.boards import Board
from bdlbench.leaderboard.entries import Entry
from bdlbench.metrics.scores import in_distribution
from bdlbench.records import store
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import IN_DISTRIBUTION
from bdlbench.runs import tasks
from bdlbench.site import budgets, certification, downloads, evidence, figures, marks
from bdlbench.site.text import page_name
from bdlbench.storage.escaping import visible

Pair = tuple[Board, Entry]


def group(boards: Sequence[Board]) -> dict[str, list[Pair]]:
    """Group entries by page, i.e. by label, the smallest budget first.

    A label has the hyperparameters that differ on a board, so that a sampler may have different
    labels on different boards. The page of each has all of its runs on the same task, model and
    data.
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
        label: [pair for pairs in page.values() for pair in pairs] for label, page in pages.items()
    }


def _identity(board: Board, entry: Entry) -> tuple[str, ...]:
    return *board.subject, admission.identity(entry.records[0])


def view(results: Path, label: str, pairs: Sequence[Pair], site: Path) -> dict[str, Any]:
    """Return the variables of the template ``sampler.html``, and copy the runs' files."""
    sections: dict[tuple[str, str, str], list[Pair]] = defaultdict(list)
    for board, entry in pairs:
        sections[board.subject].append((board, entry))
    entries = [entry for _, entry in pairs]
    return {
        "label": label,
        "summary": _summary(entries[0].records[0].sampler.name),
        "marks": list(dict.fromkeys(marks.target(entry.row) for entry in entries)),
        "sections": [_section(results, site, part) for part in sections.values()],
        "certification": certification.view(results, entries, site),
    }


def _summary(name: str) -> str:
    """Return the first line of an installed sampler's docstring, without importing it."""
    known = name in registry.names("samplers")
    return descriptions.summary("samplers", name)[0] if known else ""


def _section(results: Path, site: Path, pairs: Sequence[Pair]) -> dict[str, Any]:
    """Return the content for one task and model: an entry per budget, and all budgets."""
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
        "budgets": budgets.view(pairs, sets, key),
    }


def _entry(
    board: Board, entry: Entry, key: str, sets: Mapping[int, Any], results: Path, site: Path
) -> dict[str, Any]:
    return {
        "key": key,
        "title": board.budget,
        "reasons": entry.row.reasons,
        "trials": marks.trials(entry),
        "settings": [(name, f"{value}") for name, value in entry.row.settings.items()],
        "rank": entry.ranks,
        "run": marks.run(entry.row),
        "diagnostics": _diagnostics(board, entry),
        "columns": board.columns,
        "cells": board.cells(entry),
        "runs": [
            (record, marks.outcome(record.outcome), downloads.copy_run(results, record, site))
            for record in entry.records
        ],
        "record": [visible(line) for line in store.to_text(entry.records[0]).split("\n")],
        **_predictions(board.task, list(sets.values())),
    }


def _diagnostics(board: Board, entry: Entry) -> list[str]:
    """Return what was measured of the runs, with U under the reference if there is one."""
    potential: list[float] = []
    if board.reference is not None:
        trace = board.reference.trace.potential
        potential = [float(trace.mean()), float(trace.std(ddof=1))]
    return run_state.lines(entry.row.metrics, potential)


def _predictions(task: str, runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the reliability diagram and the confidence histograms.

    They are None without completed runs, and for real targets.
    """
    if not runs or any(isinstance(each, Densities) for each in runs[0].values()):
        return {"reliability": None, "confidence": None}
    bins = evidence.reliability([in_distribution(sets) for sets in runs])
    names = _names(task, runs[0])
    histograms = [evidence.histogram(name, [sets[name] for sets in runs]) for name in names]
    return {
        "reliability": {"figure": figures.reliability(bins), "bins": bins},
        "confidence": {
            "figure": figures.confidence(histograms, names),
            "names": list(names.values()),
            "histograms": histograms,
        },
    }


def _names(task: str, sets: Mapping[str, Any]) -> dict[str, str]:
    """Return labels of the sets by name, the in-distribution set first."""
    known = tasks.built_in(task)
    inside = next(name for name in sets if name in IN_DISTRIBUTION)
    first = f"{known.dataset if known else task} ({inside} set)"
    return {inside: first} | {name: f"{name} (OOD)" for name in sorted(sets) if name != inside}
