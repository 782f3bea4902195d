"""Turn rows into cells: what stands in them, what they are sorted by, and how they are marked."""

from __future__ import annotations

from dataclasses import dataclass

from bdlbench.comparison import table
from bdlbench.comparison.summary import Row
from bdlbench.leaderboard.boards import Board, Entry
from bdlbench.metrics.statistics import Interval
from bdlbench.records.record import COMPLETED


@dataclass(frozen=True)
class Mark:
    """Hold a word that is set off; its kind chooses the colour and never says more than the word.

    Args:
        text: What it says, with a sign before it.
        kind: ``good``, ``fair``, ``plain`` or ``bad``.
    """

    text: str
    kind: str


TARGETS = {
    "certified": Mark("✓ certified", "good"),
    "approximate": Mark("≈ approximate", "fair"),
    "point": Mark("• point estimate", "plain"),
}
NOT_CERTIFIED = Mark("✗ not certified", "bad")
OUTCOMES = ("all completed", "some failed", "all failed")
VERDICTS = {
    "pass": Mark("✓ pass", "good"),
    "shown": Mark("• shown", "plain"),
    "fail": Mark("✗ fail", "bad"),
    "error": Mark("✗ error", "bad"),
}


def target(row: Row) -> Mark:
    """Return the mark of what the checks say of a sampler."""
    return TARGETS.get(row.certificate, NOT_CERTIFIED)


def outcome(outcome: str) -> Mark:
    """Return the mark of one run's outcome."""
    done = outcome == COMPLETED
    return Mark(f"✓ {outcome}", "good") if done else Mark(f"✗ {outcome}", "bad")


def outcomes(row: Row) -> tuple[str, Mark | None]:
    """Return which of `OUTCOMES` a row is, and its mark if not all is well."""
    total = sum(row.outcomes.values())
    failed = {name: n for name, n in row.outcomes.items() if name != COMPLETED}
    kind = OUTCOMES[0 if not failed else 1 if row.outcomes.get(COMPLETED) else 2]
    words = [f"{name} {n} of {total}" for name, n in failed.items()]
    words += ["draws collapsed"] if row.collapsed else []
    return kind, Mark("✗ " + ", ".join(words), "bad") if words else None


def trials(entry: Entry) -> Mark | None:
    """Return the mark of settings that were chosen among several, and of how many."""
    found = sorted({str(run.sampler.trials) for run in entry.records if run.sampler.trials})
    return Mark(f"best of {', '.join(found)} trials", "plain") if found else None


def rank_order(entry: Entry) -> str:
    """Return the number that the rank is sorted by; nothing, which is last, without one."""
    if entry.rank is None:
        return ""
    low, high = entry.rank
    return f"{low + high / 10_000:.4f}"  # of two that begin alike, the narrower comes first


@dataclass(frozen=True)
class Column:
    """Head a column.

    Args:
        metric: Name of what stands in it.
        label: Its first line.
        detail: Its second line, in small print; may be empty.
        arrow: Which way is good; empty for a cost.
        direction: What sorting begins with: ``up`` puts the highest first, ``down`` the lowest.
    """

    metric: str
    label: str
    detail: str
    arrow: str
    direction: str

    @property
    def title(self) -> str:
        """Both lines in one."""
        return f"{self.label} ({self.detail})" if self.detail else self.label


@dataclass(frozen=True)
class Cell:
    """Hold a figure as it is shown.

    Args:
        text: The mean.
        spread: Half of the interval; empty without one.
        order: What it is sorted by; empty, which is last, without a figure.
        best: Whether nobody is clearly better.
    """

    text: str
    spread: str = ""
    order: str = ""
    best: bool = False


def columns(board: Board) -> list[Column]:
    """Return the columns of a board: those of every other table of the suite."""
    return [_column(column) for column in table.columns(board.headline, "test")]


def scored(board: Board) -> list[Column]:
    """Return the columns of a board that hold metrics, and no costs."""
    return [column for column in columns(board) if column.arrow]


def of_entry(board: Board, entry: Entry) -> list[Cell]:
    """Return the figures of an entry, a cell for each column."""
    return [
        _cell(column, entry.row.metrics.get(column.metric), column.metric in entry.leading)
        for column in table.columns(board.headline, "test")
    ]


def of_controls(board: Board) -> list[tuple[str, list[Cell]]]:
    """Return the control rows: name, and a cell for each column, most of them empty."""
    rows = table.control_rows(board.controls, table.columns(board.headline, "test"))
    return [(name, [Cell(text) for text in texts]) for name, texts in rows]


def _column(column: table.Column) -> Column:
    """Take the header apart, which is one text in the other tables."""
    header = column.header.replace("\n", " ")
    arrow = header[-1] if header[-1] in table.ARROWS.values() else ""
    label, _, detail = header.removesuffix(arrow).strip().partition(" (")
    direction = "up" if arrow == table.ARROWS["up"] else "down"
    return Column(column.metric, label, detail.removesuffix(")"), arrow, direction)


def _cell(column: table.Column, interval: Interval | None, best: bool = False) -> Cell:
    if interval is None:
        return Cell("–")
    text, _, spread = table.cell(interval, column).partition("\n±")
    return Cell(text, spread, f"{interval.mean:.6g}", best)
