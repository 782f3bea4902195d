"""Progress bars of runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

INTERVAL = 0.25  # seconds between two updates


class Reporter:
    """The progress of a run."""

    def __init__(self) -> None:
        self.fraction = 0.0

    def __call__(self, fraction: float) -> None:
        """Report the fraction done, in [0, 1]."""
        self.fraction = fraction


@contextmanager
def shown(labels: Sequence[str], console: Console) -> Iterator[list[Reporter]]:
    """Show a progress bar for every active run, and one for all of them.

    Args:
        labels: Of the runs, in order.
        console: Where to show them; nothing is shown if it is not a terminal.

    Yields:
        A reporter for each run.
    """
    reporters = [Reporter() for _ in labels]
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    stop = threading.Event()
    with progress:
        watcher = threading.Thread(target=_watch, args=(progress, labels, reporters, stop))
        watcher.start()
        try:
            yield reporters
        finally:
            stop.set()
            watcher.join()


def _watch(
    progress: Progress, labels: Sequence[str], reporters: Sequence[Reporter], stop: threading.Event
) -> None:
    everything = progress.add_task(f"[bold]all {len(labels)} runs", total=len(labels))
    bars: dict[int, TaskID] = {}
    while not stop.wait(INTERVAL):
        fractions = [reporter.fraction for reporter in reporters]
        progress.update(everything, completed=sum(fractions))
        for index, fraction in enumerate(fractions):
            if fraction > 0 and index not in bars:
                bars[index] = progress.add_task(labels[index], total=1.0)
            if index in bars:
                progress.update(bars[index], completed=fraction, visible=fraction < 1)
