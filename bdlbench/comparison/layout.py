"""Choose the columns of a comparison, and fit them to the width of a terminal."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len

from bdlbench.comparison.columns import (
    SHOWN,
    Column,
    cost_columns,
    fidelity_columns,
    scored_column,
    shifted,
)
from bdlbench.comparison.run_state import UNKNOWN
from bdlbench.comparison.summary import COSTS, Row, Summary
from bdlbench.errors import BdlbenchError
from bdlbench.metrics import plugins
from bdlbench.metrics.catalogue import METRICS, general
from bdlbench.metrics.catalogue import split as split_name
from bdlbench.metrics.statistics import Interval

GROUPS = ("all", "fidelity", "cost")
TARGET = Column("target", "target", direction="none", spread=False)  # of `bdlbench check`
RUN = Column("run", "run", direction="none", spread=False)  # of `run_state`
LONG = 8  # characters of a detail, above which it is folded in a narrow table
MARKS = {"better": "▲", "worse": "▼"}


@dataclass(frozen=True)
class Number:
    """A number of a table.

    Args:
        mean: The mean over seeds, or other text.
        half: Half-width of its confidence interval, with ±; may be empty.
        mark: Whether it is clearly better or worse than the baseline's; a space if it is neither.
    """

    mean: str
    half: str = ""
    mark: str = ""

    def text(self, stacked: bool) -> str:
        """Return the number on one line, or with the half-width below the mean."""
        if stacked and self.half:
            return f"{self.mean}{self.mark}\n{self.half}{' ' * len(self.mark)}"
        return f"{self.mean} {self.half}".rstrip() + self.mark


Filled = tuple[Column, tuple[Number, ...]]
"""A column and its numbers, one per row."""


@dataclass(frozen=True)
class Block:
    """Columns side by side; a number takes two lines if they are stacked."""

    columns: tuple[Filled, ...]
    stacked: bool

    @property
    def gap(self) -> int:
        """Spaces between columns."""
        return 1 if self.stacked else 2

    @property
    def width(self) -> int:
        """Width of the columns and of the gaps to their left."""
        return sum(
            self.gap + max(map(_widest, (self.header(column, numbers), *self._texts(numbers))))
            for column, numbers in self.columns
        )

    def header(self, column: Column, numbers: Sequence[Number]) -> str:
        """Return a header: label, detail on lines of its own, and space for the marks."""
        detail = column.detail
        if self.stacked and len(detail) > LONG:
            detail = detail.replace("-", "-\n")
        lines = f"{column.label} {column.arrow}\n{detail}".splitlines()
        margin = " " * len(numbers[0].mark)
        return "\n".join(line.rstrip() + margin for line in lines if line)

    def _texts(self, numbers: Sequence[Number]) -> list[str]:
        return [number.text(self.stacked) for number in numbers]


def check_names(names: Sequence[str]) -> None:
    """Check the names given to ``--columns``.

    Raises:
        BdlbenchError: A name is neither a group nor a metric.
    """
    universe = _universe("test", ("<set>",), ("<set>",))
    for name in names:
        pattern, _ = split_name(name)
        if name not in GROUPS and not any(_is_called(pattern, column) for column in universe):
            raise BdlbenchError(
                f"expected --columns {', '.join(GROUPS)} or metrics such as nll,auroc, got {name!r}"
            )


def choose(names: Sequence[str], comparison: Summary) -> list[Column]:
    """Return the columns of these names; without names, the most important ones."""
    task, split, cost = comparison.setup.task, comparison.setup.split, cost_columns()
    headline = [scored_column(name) for name in comparison.headline if name != "brier_score"]
    if not names:
        return [*headline, cost[1]]
    fidelity, shift = [TARGET, RUN, *fidelity_columns(split, task.kind)], tuple(task.shift)
    scored = [*comparison.compared, *_added(task.kind)]
    scored += shifted(shift, task.kind) if split == "test" else []
    groups = {"fidelity": fidelity, "cost": cost}
    groups["all"] = [*map(scored_column, scored), *fidelity, *cost]
    universe = _universe(split, task.ood_names, shift)
    found: dict[str, Column] = {}
    for name in names:
        for column in groups.get(name) or [one for one in universe if _is_called(name, one)]:
            if _is_defined(column, task.kind):
                found[column.metric] = column
    return list(found.values())


def _added(kind: str) -> list[str]:
    """Return metrics without a verdict that ``--columns all`` shows: coverages, and plugins."""
    of_test = [metric for metric in plugins.installed() if "<set>" not in metric.name]
    coverages = [metric for metric in METRICS if metric.name.startswith("coverage_")]
    return [metric.name for metric in (*coverages, *of_test) if metric.kind in ("any", kind)]


def _is_defined(column: Column, kind: str) -> bool:
    """Return whether a column is defined for classes or for real targets."""
    if column in (TARGET, RUN) or column.metric in COSTS:
        return True
    return general(column.metric).kind in ("any", kind)


def extras(comparison: Summary) -> list[Column]:
    """Return the columns to add, in this order, where the terminal is wide enough."""
    epochs, _, memory = cost_columns()
    setup = comparison.setup
    fidelity = fidelity_columns(setup.split, setup.task.kind)
    fidelity = [one for one in fidelity if _known(comparison, one)]
    brier = [scored_column("brier_score")] if "brier_score" in comparison.headline else []
    run = [RUN] if any(row.run != UNKNOWN for row in comparison.rows) else []
    return [TARGET, *run, *brier, *fidelity, memory, epochs]


def fill(comparison: Summary, columns: Sequence[Column]) -> list[Filled]:
    """Return columns with their numbers, one per row."""
    return [(column, _numbers(comparison, column)) for column in columns]


def fit(filled: Sequence[Filled], more: Sequence[Filled], width: int) -> list[Block]:
    """Lay out columns in one block or several.

    Args:
        filled: The columns to show.
        more: Columns to add in this order while all fit in one block.
        width: Width left by the column of names; 0 for no limit.
    """
    block = Block(tuple(filled), stacked=False)
    if not width or block.width <= width:
        return [_extended(block, more, width)]
    blocks = [Block((), stacked=True)]
    for one in filled:
        wider = Block((*blocks[-1].columns, one), stacked=True)
        if blocks[-1].columns and wider.width > width:
            blocks.append(Block((one,), stacked=True))
        else:
            blocks[-1] = wider
    if len(blocks) == 1:
        return [_extended(blocks[0], more, width)]
    return [_unstacked(block, width) for block in blocks]


def _extended(block: Block, more: Sequence[Filled], width: int) -> Block:
    """Return the block with the first columns of `more` that fit beside it."""
    for one in more:
        wider = replace(block, columns=(*block.columns, one))
        if width and wider.width > width:
            break
        block = wider
    return block


def _unstacked(block: Block, width: int) -> Block:
    """Return the block with numbers on one line, if it fits."""
    flat = Block(block.columns, stacked=False)
    return flat if flat.width <= width else block


def _numbers(comparison: Summary, column: Column) -> tuple[Number, ...]:
    """Return the number of every row."""
    if column is TARGET:
        return tuple(Number(row.certificate) for row in comparison.rows)
    if column is RUN:
        return tuple(run_number(row) for row in comparison.rows)
    intervals = [row.metrics.get(column.metric) for row in comparison.rows]
    show = _precise(column, [one for one in intervals if one is not None])
    none = " " if comparison.differences and column.metric in comparison.compared else ""
    verdicts = [comparison.verdict(row.sampler, column.metric) for row in comparison.rows]
    return tuple(
        _number(column, interval, show, column.mark(row), MARKS.get(verdict or "", none))
        for row, interval, verdict in zip(comparison.rows, intervals, verdicts, strict=True)
    )


def run_number(row: Row) -> Number:
    """Return the text of the column *run*, in two parts that a narrow table stacks."""
    state, comma, temperature = row.run.partition(", ")
    if not comma:
        state, comma, temperature = row.run.partition(": ")
    return Number(state + comma.rstrip(), temperature)


def _number(
    column: Column,
    interval: Interval | None,
    show: Callable[[float], str],
    chance: str,
    mark: str,
) -> Number:
    if interval is None:
        return Number("–", "", mark)
    if interval.high is None or not column.spread:
        return Number(show(interval.mean) + chance, "", mark)
    return Number(show(interval.mean) + chance, f"±{show(interval.high - interval.mean)}", mark)


def _precise(column: Column, intervals: Sequence[Interval]) -> Callable[[float], str]:
    """Return the format of a metric: as many decimals as the median half-width supports."""
    if column.metric in (*COSTS, *SHOWN):
        return column.show
    halves = [one.high - one.mean for one in intervals if one.high is not None]
    half = statistics.median([half for half in halves if half > 0] or [1e-3])
    return f"{{:.{min(max(3, math.ceil(-math.log10(half))), 4)}f}}".format


def _widest(text: str) -> int:
    return max(map(cell_len, text.splitlines()), default=0)


def _known(comparison: Summary, column: Column) -> bool:
    return any(column.metric in row.metrics for row in comparison.rows)


def _universe(split: str, ood: Sequence[str], shift: Sequence[str]) -> list[Column]:
    """Return every column that there is."""
    sets = {"ood": ood, "shift": shift} if split == "test" else {}
    names = []
    for metric in (*METRICS, *plugins.known()):
        prefix, of_set, _ = metric.name.partition(".<set>.")
        filled = sets.get(prefix, ()) if of_set else ("",)
        names += [metric.name.replace("<set>", name) for name in filled]
    return [TARGET, RUN, *map(scored_column, names), *fidelity_columns(split), *cost_columns()]


def _is_called(name: str, column: Column) -> bool:
    """Return whether a column has this name: of its metric, in a record or in the header."""
    short = re.sub(r"^(ood|shift)\.[^.]+\.", "", column.metric)
    labels = column.label.casefold(), column.label.casefold().partition(",")[0]
    return name in (column.metric, short) or name.casefold() in labels
