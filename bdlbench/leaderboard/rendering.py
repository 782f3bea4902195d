"""Write the leaderboard as Markdown, as CSV, and for the terminal."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bdlbench.comparison import table
from bdlbench.comparison.columns import ARROWS, Cell, control_rows
from bdlbench.data import origins
from bdlbench.leaderboard import admission
from bdlbench.leaderboard.boards import Board
from bdlbench.leaderboard.entries import SORT, Entry
from bdlbench.metrics.scores import describe
from bdlbench.records.record import COMPLETED
from bdlbench.storage.escaping import csv_cell, markdown, visible
from bdlbench.storage.files import write_bytes

INTRODUCTION = """\
# Leaderboard

`bdlbench leaderboard` makes this page from the runs in [runs/](runs); nobody edits it. The same
figures, unrounded, are in [leaderboard.csv](leaderboard.csv).
[CONTRIBUTING.md](../CONTRIBUTING.md) says how to send runs of your own."""
NO_RUNS = "There are no runs yet."
RULES = (
    "rank: the first and the last place that the runs leave open. Every pair of samplers is "
    "compared on the same seeds and test points (bootstrap over points, spread over seeds), and "
    "the tests are corrected for their number (Holm, 5 %). Samplers whose ranks overlap may be "
    "tied. Who did not complete every run has no rank.",
    "bold: nobody is clearly better by the same tests, and somebody is clearly worse.",
    "target: certified, what `bdlbench check` says of that version of the sampler. "
    "±: 95 % Student-t interval of the mean over seeds.",
)


def write(results: Path, boards: Sequence[Board]) -> list[Path]:
    """Write ``leaderboard.md`` and ``leaderboard.csv`` into the results, and return their paths."""
    texts = {"leaderboard.md": to_markdown(boards), "leaderboard.csv": to_csv(boards)}
    for name, text in texts.items():
        write_bytes(results / name, text.encode())
    return [results / name for name in texts]


def to_markdown(boards: Sequence[Board]) -> str:
    """Return all boards as one page."""
    sections = [_section(board) for board in boards] or [NO_RUNS]
    return "\n\n".join([INTRODUCTION, *sections]) + "\n"


def to_csv(boards: Sequence[Board]) -> str:
    """Return a row for every entry of every board, with every metric and its interval."""
    rows = [_values(board, entry) for board in boards for entry in board.entries]
    names = dict.fromkeys(name for row in rows for name in row) or {"task": None}
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue()


def show(boards: Sequence[Board], console: Console) -> None:
    """Print all boards."""
    for board in boards:
        shown = Table(title=title(board), title_justify="left", title_style="bold")
        for name, justify in zip(_header(board), _justified(board), strict=True):
            shown.add_column(name, justify=justify)
        for cells in _body(board, visible):
            shown.add_row(*(Text(str(cell), "bold" if cell.best else "") for cell in cells))
        console.print(shown)
        failed = [visible(line) for line in board.failures]
        for line in (
            *filter(None, [board.origin]),
            *failed,
            *board.notes,
            _rule(),
            *RULES,
        ):
            console.print(line, highlight=False, markup=False, soft_wrap=True)


def title(board: Board) -> str:
    """Say what is compared: task, model and budget, and data or code that are not the usual."""
    return " · ".join(filter(None, [board.task, board.model, board.budget, board.mark]))


def rows_of(boards: Sequence[Board]) -> dict[str, list[str]]:
    """Return header, rule and rows of every board's table, as lines of Markdown, by title."""
    return {title(board): _table(board) for board in boards}


def _table(board: Board) -> list[str]:
    rule = ["---:" if justify == "right" else "---" for justify in _justified(board)]
    body = [
        [str(replace(cell, text=f"**{cell.text}**") if cell.best else cell) for cell in cells]
        for cells in _body(board, markdown)
    ]
    return table.markdown_lines([_header(board), rule, *body])


def _section(board: Board) -> str:
    failed = [markdown(line) for line in board.failures]
    bullets = [f"- {line}" for line in (*failed, *board.notes, *RULES)]
    rule = " ".join(filter(None, [board.origin, _rule()]))
    lines = [f"## {title(board)}", "", rule, "", *_table(board), "", *bullets]
    return "\n".join(lines)


def _rule() -> str:
    metric = describe(SORT)
    return f"Sorted by {metric.label} {ARROWS[metric.direction]}, the mean over seeds."


def _header(board: Board) -> list[str]:
    trials = ["trials"] if _has_trials(board) else []
    return ["rank", "sampler", "target", "seeds", *trials, *(one.header for one in board.columns)]


def _justified(board: Board) -> list[Literal["left", "right"]]:
    left = ("sampler", "target")
    return ["left" if name in left else "right" for name in _header(board)]


def _body(board: Board, escape: Callable[[str], str]) -> list[list[Cell]]:
    body = []
    for entry in board.entries:
        row = entry.row
        texts = [entry.ranks, table.name(replace(row, sampler=escape(row.sampler)))]
        texts += [row.certificate, _seeds(entry)]
        texts += [_trials(entry)] if _has_trials(board) else []
        body.append([*map(Cell, texts), *board.cells(entry)])
    for name, cells in control_rows(board.controls, board.columns):
        blank = [""] * (len(_header(board)) - len(cells) - 2)
        body.append([*map(Cell, ["", name, *blank]), *cells])
    return body


def _seeds(entry: Entry) -> str:
    completed, total = entry.row.outcomes.get(COMPLETED, 0), len(entry.records)
    return str(total) if completed == total else f"{completed} of {total}"


def _has_trials(board: Board) -> bool:
    return any(run.sampler.trials for entry in board.entries for run in entry.records)


def _trials(entry: Entry) -> str:
    """Say on how many trials the settings were chosen, where the record does."""
    found = {
        str(record.sampler.trials) for record in entry.records if record.sampler.trials is not None
    }
    return ", ".join(sorted(found)) or "–"


def _values(board: Board, entry: Entry) -> dict[str, str]:
    """Return one row of the CSV: text and numbers by column."""
    row, first = entry.row, entry.records[0]
    best, worst = entry.rank or ("", "")
    values = {
        "task": board.task,
        "model": board.model,
        "budget": f"{board.epochs:g}",
        "draws": str(board.draws),
        "data": origins.digest(first.data),
        "numerics": admission.numerics_of(first),
        "rank_best": str(best),
        "rank_worst": str(worst),
        "sampler": csv_cell(row.sampler),
        "settings": csv_cell(json.dumps(row.settings, ensure_ascii=False)),
        "target": row.certificate,
        "seeds": csv_cell(" ".join(str(record.seed) for record in entry.records)),
        "outcomes": ", ".join(f"{count} {name}" for name, count in row.outcomes.items()),
        "trials": _trials(entry),
        "device": first.configuration.device,
        "leading": " ".join(name for name in board.headline if name in entry.leading),
    }
    for name, interval in row.metrics.items():
        for end, value in (("", interval.mean), (".low", interval.low), (".high", interval.high)):
            values[name + end] = "" if value is None else f"{value:.10g}"
    return values
