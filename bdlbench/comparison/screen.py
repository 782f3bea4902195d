"""Print a comparison on a terminal: the question, the answer, and where the rest is."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bdlbench.comparison import run_state, table, verdicts
from bdlbench.comparison.columns import CHANCE_RULE, Column
from bdlbench.comparison.layout import (
    MARKS,
    RUN,
    TARGET,
    Block,
    Number,
    choose,
    extras,
    fill,
    fit,
)
from bdlbench.comparison.summary import ECE, Row, Summary, looks_calibrated
from bdlbench.metrics.statistics import UNCLEAR
from bdlbench.reference import reference

COLORS: dict[str | None, str] = {"better": "green", "worse": "red", UNCLEAR: "dim"}
HEADER, PIXELS = "sampler", "pixels alone"
NARROWEST, WIDEST = 8, 32  # characters of a bar
MANY = 3  # seeds, with fewer the intervals are very wide


def show(
    comparison: Summary, console: Console, names: Sequence[str] = (), wide: bool = False
) -> None:
    """Print a comparison.

    Args:
        comparison: The comparison.
        console: Where to print it.
        names: Columns or groups of columns; by default the most important that fit.
        wide: Print all columns side by side, however wide.
    """
    columns = choose(names or (["all"] if wide else []), comparison)
    name_width = _name_width(comparison, console.width)
    more = [] if names or wide else fill(comparison, extras(comparison))
    left = 0 if wide else console.width - name_width
    blocks = fit(fill(comparison, columns), more, left)
    _say(console, table.question(comparison), "bold")
    for line in _given(comparison):
        _say(console, line, "dim")
    if wide:
        console.width = max(console.width, name_width + blocks[0].width)
    for block in blocks:
        console.print()
        console.print(_table(comparison, block, name_width))
    if not names and not wide:
        _print_bars(comparison, console, name_width)
    console.print()
    shown = {column.metric for block in blocks for column, _ in block.columns}
    for claim in verdicts.claims(comparison, shown if names else None):
        _say(console, claim.text, COLORS.get(claim.verdict, ""))
    for line in table.failures(comparison.rows):
        _say(console, line, "red")
    console.print()
    for line in _footnotes(comparison, shown):
        _say(console, line, "dim")


def folded(name: str, width: int) -> str:
    """Break a long name after colons and commas, so that no line is longer than `width`."""
    lines = [""]
    for part in re.findall(r"[^:,]*[:,]?", name):
        if lines[-1] and cell_len(lines[-1] + part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def headed(block: Block, names: Mapping[str, int]) -> Table:
    """Return a table without rows: columns of names, with their widths, and those of the block."""
    gap = (0, 0, 0, block.gap - 1)  # the box adds a space
    result = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=gap)
    for name, width in names.items():
        result.add_column(name, width=width, overflow="fold")
    for column, numbers in block.columns:
        result.add_column(block.header(column, numbers), justify="right", no_wrap=True)
    return result


def _say(console: Console, line: str, style: str) -> None:
    console.print(Text(line, style=style))


def _given(comparison: Summary) -> Iterator[str]:
    """Yield a line on what the task has chosen."""
    task = comparison.setup.task
    if comparison.seeds == tuple(range(task.seeds)):
        yield f"{len(comparison.seeds)} seeds, hyperparameters: the defaults of {task.name}"


def _name_width(comparison: Summary, width: int) -> int:
    """Return the width of the column of names; longer ones are folded."""
    names = [HEADER, *map(table.name, comparison.rows)]
    names += [PIXELS] if comparison.controls else []
    lines = [line for name in names for line in folded(name, width // 3).split("\n")]
    return min(max(map(cell_len, lines)), max(len(PIXELS), width // 3))


def _table(comparison: Summary, block: Block, name_width: int) -> Table:
    """Return a table of the rows, and of the best statistic of the pixels."""
    result = headed(block, {HEADER: name_width})
    for index, row in enumerate(comparison.rows):
        cells = [_cell(numbers[index], block.stacked) for _, numbers in block.columns]
        result.add_row(Text(folded(table.name(row), name_width)), *cells)
    pixels = [_pixels(comparison, column) for column, _ in block.columns]
    if any(pixels):
        result.add_row(PIXELS, *pixels, style="dim")
    return result


def _cell(number: Number, stacked: bool) -> Text:
    text = Text(number.text(stacked))
    for verdict, mark in MARKS.items():
        text.highlight_words([mark], COLORS[verdict])
    return text


def _pixels(comparison: Summary, column: Column) -> str:
    """Return the best AUROC of the statistics of the pixels, for the column of an AUROC."""
    for ood, aurocs in comparison.controls.items():
        if column.metric == f"ood.{ood}.auroc":
            return f"{max(aurocs.values()):.3f}" + (" " if comparison.differences else "")
    return ""


def _print_bars(comparison: Summary, console: Console, name_width: int) -> None:
    """Print the confident fraction on each OOD set, as bars."""
    sets = comparison.setup.task.ood_names if comparison.setup.split == "test" else ()
    if not sets:
        return
    share = (console.width - name_width) // len(sets) - len("   100.0 % ±10.0 ▲")
    result = Table(box=None, pad_edge=False, padding=(0, 0, 0, 2))
    result.add_column("", width=name_width, overflow="fold")
    for ood in sets:
        result.add_column(f"{ood} classified with >90 % confidence ↓")
    for row in comparison.rows:
        cells = [_bar(comparison, row, ood, max(NARROWEST, min(WIDEST, share))) for ood in sets]
        result.add_row(Text(folded(row.sampler, name_width)), *cells)
    console.print()
    console.print(result)


def _bar(comparison: Summary, row: Row, ood: str, width: int) -> Text:
    metric = f"ood.{ood}.confident_fraction"
    interval = row.metrics.get(metric)
    if interval is None:
        return Text("–")
    verdict = comparison.verdict(row.sampler, metric)
    full = round(interval.mean * width)
    half = "" if interval.high is None else f" ±{100 * (interval.high - interval.mean):.1f}"
    color = COLORS[verdict] if verdict in MARKS else ""
    return Text.assemble(
        ("█" * full, color),
        ("░" * (width - full), "dim"),
        f" {100 * interval.mean:4.1f} %{half} ",
        (MARKS.get(verdict or "", ""), color),
    )


def _footnotes(comparison: Summary, shown: Container[str]) -> Iterator[str]:
    """Yield explanations of what is shown."""
    seeds = len(comparison.seeds)
    if seeds < MANY:
        yield (
            f"{seeds} seed{'s' if seeds > 1 else ''}: "
            + ("intervals are very wide" if seeds > 1 else "the spread over seeds is unknown")
            + "; use --seeds 5 or more"
        )
    baseline = comparison.rows[comparison.baseline].sampler
    if {metric for metric in comparison.compared if metric in shown} and comparison.differences:
        yield (
            f"▲ clearly better, ▼ clearly worse than {baseline}: p < 0.05, corrected for all "
            "comparisons (Holm). ±: 95 % interval over seeds; [ , ]: of the difference, over seeds "
            "and test inputs."
        )
    if any(f"ood.{ood}.auroc" in shown for ood in comparison.controls):
        yield f"{PIXELS}: the AUROC of {_statistic(comparison)}, without a network."
    if any(row.collapsed for row in comparison.rows):
        yield "collapsed: the draws of a run are nearly identical."
    if ECE in shown and any(map(looks_calibrated, comparison.rows)):
        yield CHANCE_RULE
    if TARGET.metric in shown:
        yield "target: the verdict of `bdlbench check` on the sampler."
    if RUN.metric in shown and any(row.run != run_state.UNKNOWN for row in comparison.rows):
        yield run_state.RULE
    if "total_variation" in shown:
        yield from table.notes(comparison.floor, comparison.reference_note, {})
    elif comparison.setup.task_reference.endswith(".py"):
        yield from _without_reference(comparison)
    reused = sum(row.reused for row in comparison.rows)
    if reused:
        total = len(comparison.rows) * seeds
        yield f"{reused} of {total} runs were stored already; --force reruns them."
    yield "more: --columns all, --wide, --plot FILE.png; as a web page: bdlbench publish"
    runs = [run for row in comparison.rows for run in row.runs]
    if runs:
        yield f"one run: bdlbench show {runs[-1]}"


def _without_reference(comparison: Summary) -> Iterator[str]:
    """Yield how the reference of a task's file is made, or why it is not used."""
    setup, why = comparison.setup, comparison.reference_note
    if why.startswith(reference.MISSING):
        made_by = reference.command(setup.task_reference, setup.model_reference)
        yield f"TV, the distance from the posterior, needs a reference: {made_by}"
    elif why:
        yield f"TV not available: {why}"


def _statistic(comparison: Summary) -> str:
    """Return the names of the statistics of the pixels with the highest AUROC."""
    best = dict.fromkeys(max(one, key=one.__getitem__) for one in comparison.controls.values())
    return ", ".join(name.replace("_", " ") for name in best)
