"""Show how far every run is. Workers write a number into a file; the terminal's owner reads it."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

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
    """Write a run's progress into its file, now and then.

    Args:
        path: The file; it travels to the worker.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = 0.0

    def __call__(self, fraction: float) -> None:
        """Report the fraction done, in [0, 1]."""
        now = time.monotonic()
        if now >= self._next or fraction >= 1:
            self._next = now + INTERVAL
            # A number lost (the folder is gone, the disk full) costs a bar; it must not cost a run.
            try:
                self._path.write_text(f"{fraction:.4f}", "ascii")
            except OSError:
                return


@contextmanager
def shown(labels: Sequence[str], console: Console) -> Iterator[list[Reporter]]:
    """Show a bar for every run that is under way, and one for all of them.

    Args:
        labels: Of the runs, in order.
        console: Where to show them; nothing is shown if it is not a terminal.

    Yields:
        A reporter for each run.
    """
    with tempfile.TemporaryDirectory(prefix="bdlbench-progress-") as folder:
        paths = [Path(folder) / str(index) for index in range(len(labels))]
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
            watcher = threading.Thread(target=_watch, args=(progress, labels, paths, stop))
            watcher.start()
            try:
                yield [Reporter(path) for path in paths]
            finally:
                stop.set()
                watcher.join()


def _watch(
    progress: Progress, labels: Sequence[str], paths: Sequence[Path], stop: threading.Event
) -> None:
    everything = progress.add_task(f"[bold]all {len(labels)} runs", total=len(labels))
    bars: dict[int, TaskID] = {}
    while not stop.wait(INTERVAL):
        fractions = [_read(path) for path in paths]
        progress.update(everything, completed=sum(fractions))
        for index, fraction in enumerate(fractions):
            if fraction > 0 and index not in bars:
                bars[index] = progress.add_task(labels[index], total=1.0)
            if index in bars:
                progress.update(bars[index], completed=fraction, visible=fraction < 1)


def _read(path: Path) -> float:
    try:
        return float(path.read_text("ascii") or 0)
    except (OSError, ValueError):  # not begun, or just being written
        return 0.0
