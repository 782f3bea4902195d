"""Print comparisons in one of the formats. Heavy modules are imported when printing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bdlbench.errors import BdlbenchError

if TYPE_CHECKING:
    from bdlbench.comparison.summary import Comparison

FORMATS = ("table", "markdown", "csv", "json")


def check_format(format: str) -> None:
    """Refuse an unknown format."""
    if format not in FORMATS:
        raise BdlbenchError(f"expected --format {', '.join(FORMATS)}, got {format!r}")


def show(comparisons: Sequence[Comparison], format: str) -> None:
    """Print comparisons.

    Raises:
        BdlbenchError: Runs failed; it says which and why, after all is printed.
    """
    from rich.console import Console

    from bdlbench.comparison import table

    write = {"markdown": table.to_markdown, "csv": table.to_csv, "json": table.as_json}
    for comparison in comparisons:
        if format == "table":
            # Where the output is not a terminal, nothing is gained by folding the table.
            table.to_table(comparison, Console(width=None if sys.stdout.isatty() else 240))
        else:
            print(write[format](comparison))
    failures = [line for found in comparisons for line in table.failures(found.rows)]
    if failures:
        raise BdlbenchError("some runs failed: " + " | ".join(failures))
