"""Print comparisons. Heavy modules are imported only when printing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bdlbench.errors import BdlbenchError

if TYPE_CHECKING:
    from bdlbench.comparison.summary import Comparison

FORMATS = ("table", "markdown", "csv", "json")


def check_format(format: str) -> None:
    """Raise a BdlbenchError for an unknown format."""
    if format not in FORMATS:
        raise BdlbenchError(f"expected --format {', '.join(FORMATS)}, got {format!r}")


def show(comparisons: Sequence[Comparison], format: str) -> None:
    """Print comparisons.

    Raises:
        BdlbenchError: Some runs failed; raised after everything is printed.
    """
    from rich.console import Console

    from bdlbench.comparison import table

    write = {"markdown": table.to_markdown, "csv": table.to_csv, "json": table.as_json}
    for comparison in comparisons:
        if format == "table":
            # Do not wrap the table if the output is not a terminal.
            table.to_table(comparison, Console(width=None if sys.stdout.isatty() else 240))
        else:
            print(write[format](comparison))
    failures = [line for each in comparisons for line in table.failures(each.rows)]
    if failures:
        raise BdlbenchError("some runs failed: " + " | ".join(failures))
