"""Print boards on a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bdlbench.comparison import table
from bdlbench.comparison.layout import RUN, TARGET, Block, Filled, Number, fit, run_number
from bdlbench.comparison.screen import folded, headed
from bdlbench.leaderboard import rendering
from bdlbench.leaderboard.boards import Board
from bdlbench.leaderboard.entries import Entry
from bdlbench.storage.escaping import visible


def show(boards: Sequence[Board], console: Console) -> None:
    """Print all boards, with as many columns as fit; the files have all."""
    for board in boards:
        console.print(Text(rendering.title(board), style="bold"))
        names = [_name(entry, console.width // 3) for entry in board.entries]
        lines = [line for name in names for line in name.split("\n")]
        rank = max(map(len, ["rank", *(entry.ranks for entry in board.entries)]))
        widths = {"rank": rank, "sampler": max(map(cell_len, ["sampler", *lines]))}
        filled = _filled(board)
        leading = (*board.headline, TARGET.metric, RUN.metric)
        first = [one for one in filled if one[0].metric in leading]
        more = [one for one in filled if one not in first]
        for block in fit(first, more, console.width - sum(widths.values()) - 2):
            console.print(_table(board, block, names, widths))
            console.print()
        origin = [board.origin] if board.origin else []
        notes = table.notes(board.floor, board.reference_note, {})
        failed = [visible(line) for line in board.failures]
        for line in (*origin, *failed, *notes, rendering.rule(board)):
            console.print(Text(line, style="dim"))
        console.print()
    for line in rendering.RULES if boards else ():
        console.print(Text(line, style="dim"))


def _name(entry: Entry, width: int) -> str:
    return folded(visible(table.name(entry.row)), max(width, 8))


def _filled(board: Board) -> list[Filled]:
    """Return the columns of a board with their numbers; those without any value are left out."""
    columns = [TARGET, RUN, *board.columns]
    numbers = zip(*(_numbers(board, entry) for entry in board.entries), strict=True)
    filled = zip(columns, numbers, strict=True) if board.entries else ()
    return [one for one in filled if any(number.mean != "–" for number in one[1])]


def _numbers(board: Board, entry: Entry) -> list[Number]:
    cells = board.cells(entry)
    numbers = [Number(cell.text, f"±{cell.spread}" if cell.spread else "") for cell in cells]
    return [Number(entry.row.certificate), run_number(entry.row), *numbers]


def _table(board: Board, block: Block, names: Sequence[str], widths: Mapping[str, int]) -> Table:
    result = headed(block, widths)
    for index, (entry, name) in enumerate(zip(board.entries, names, strict=True)):
        cells = [
            Text(numbers[index].text(block.stacked), "bold" * (column.metric in entry.leading))
            for column, numbers in block.columns
        ]
        result.add_row(Text(entry.ranks), Text(name), *cells)
    return result
