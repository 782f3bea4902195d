"""Print comparisons. Heavy modules are imported only when printing."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bdlbench.errors import BdlbenchError

if TYPE_CHECKING:
    from rich.console import Console

    from bdlbench.comparison.summary import Summary

FORMATS = ("table", "markdown", "csv", "json")
PIPED = 120  # characters, if the output is not a terminal


def check_format(format: str) -> None:
    """Raise a BdlbenchError for an unknown format."""
    if format not in FORMATS:
        raise BdlbenchError(f"expected --format {', '.join(FORMATS)}, got {format!r}")


def check_columns(columns: str | None, wide: bool, format: str) -> list[str]:
    """Return the names of columns given as ``--columns a,b``.

    Raises:
        BdlbenchError: A name is unknown, or the format has no choice of columns.
    """
    if format != "table" and (wide or columns is not None):
        raise BdlbenchError(f"--columns and --wide are for --format table, got {format}")
    if wide and columns is not None:
        raise BdlbenchError("expected --columns or --wide, got both")
    names = [name.strip() for name in (columns or "").split(",") if name.strip()]
    if names:
        from bdlbench.comparison.layout import check_names

        check_names(names)
    return names


def console() -> Console:
    """Return a console of the terminal's width, or of `PIPED` characters without one."""
    from rich.console import Console

    fixed = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(width=None if fixed else PIPED)


def to_text(comparison: Summary) -> str:
    """Return what is printed on a terminal of `PIPED` characters, without colours."""
    from rich.console import Console

    from bdlbench.comparison import screen

    file = io.StringIO()
    screen.show(comparison, Console(file=file, width=PIPED))
    return file.getvalue().rstrip()


def show(
    comparisons: Sequence[Summary],
    format: str,
    columns: Sequence[str] = (),
    wide: bool = False,
) -> None:
    """Print comparisons.

    Args:
        comparisons: The comparisons.
        format: One of `FORMATS`.
        columns: Columns or groups of columns of a table; by default the most important.
        wide: Print all columns side by side.

    Raises:
        BdlbenchError: Some runs failed; raised after everything is printed.
    """
    from bdlbench.comparison import screen, table

    write = {"markdown": table.to_markdown, "csv": table.to_csv, "json": table.as_json}
    for comparison in comparisons:
        if format == "table":
            screen.show(comparison, console(), columns, wide)
        else:
            print(write[format](comparison))
    failures = [line for each in comparisons for line in table.failures(each.rows)]
    if failures:
        raise BdlbenchError("some runs failed: " + " | ".join(failures))
