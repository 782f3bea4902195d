"""Progress of runs: bars on a terminal, else one line for every finished run."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

INTERVAL = 0.25  # seconds between two updates
LABEL = 28  # characters; with it, a line has at most 79
RECENT = 10.0  # seconds of progress that give the rate; more if the phase has lasted long
STALLED = 2.0  # seconds without progress after which a shorter time left is not believed


class Stage(NamedTuple):
    """How far a run is.

    Args:
        phase: In a word, such as ``sampling``.
        fraction: Of the whole run that is done, in [0, 1].
    """

    phase: str
    fraction: float


class Finished:
    """Counts finished runs, and prints a line for each if there are no bars."""

    def __init__(self, labels: Mapping[str, str], console: Console) -> None:
        self._labels, self._console = labels, console
        self.runs: set[str] = set()
        self.failed = 0

    def __call__(self, run: str, result: str, failed: bool = False) -> None:
        """Count a run.

        Args:
            run: Its name.
            result: How it ended, in one line.
            failed: It has not completed.
        """
        self.runs.add(run)
        self.failed += failed
        if not has_bars(self._console):
            line = f"[{len(self.runs)}/{len(self._labels)}] {self._labels[run]}: {result}"
            self._console.print(line, highlight=False, markup=False, soft_wrap=True)


class Estimate:
    """The time left, from the rate of recent progress."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque()
        self._started = 0.0

    def __call__(self, now: float, fraction: float) -> float | None:
        """Return the seconds left, or None if progress does not tell.

        Args:
            now: The time, in seconds.
            fraction: What is done by now.
        """
        if not self._seen:
            self._started = now
        elapsed = now - self._started
        if not self._seen or fraction != self._seen[-1][1]:
            self._seen.append((now, fraction))
        while len(self._seen) > 2 and self._seen[1][0] <= now - max(RECENT, elapsed / 2):
            self._seen.popleft()
        (since, before), (last, _) = self._seen[0], self._seen[-1]
        if fraction <= before or fraction >= 1 or elapsed < STALLED:
            return None
        per_second = (fraction - before) / (last - since)
        if now - last > max(STALLED, (1 - fraction) / per_second):
            return None  # it should be over by now
        return (1 - fraction) * (now - since) / (fraction - before)


def has_bars(console: Console) -> bool:
    """Return whether bars can be drawn; a forced colour makes no terminal of a file."""
    return console.file.isatty() and console.is_terminal and not console.is_dumb_terminal


@contextmanager
def shown(
    labels: Mapping[str, str], look: Callable[[], Mapping[str, Stage]], console: Console
) -> Iterator[Finished]:
    """Show a progress bar for every active run, and one for all of them.

    Args:
        labels: Of the runs, by name.
        look: Returns the stages of active runs, by name; others may be among them.
        console: Where to show them.

    Yields:
        What to call when a run has finished.
    """
    finished = Finished(labels, console)
    if console.quiet or not has_bars(console):
        yield finished
        return
    stop = threading.Event()
    columns = (
        TextColumn("{task.description}", markup=False),
        TextColumn("{task.fields[phase]:<10}", markup=False),
        BarColumn(18),
        TextColumn("{task.fields[percent]:>3} %"),
        TextColumn("{task.fields[left]}"),
    )
    with Progress(*columns, console=console, transient=True, auto_refresh=False) as progress:
        bars = _Bars(labels, progress, finished)

        def watch() -> None:
            while not stop.wait(INTERVAL):
                bars.update(time.monotonic(), look())
                progress.refresh()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield finished
        finally:
            stop.set()
            watcher.join()


class _Bars:
    """The bars of the active runs, below that of all runs."""

    def __init__(self, labels: Mapping[str, str], progress: Progress, finished: Finished) -> None:
        self._labels, self._progress, self._finished = labels, progress, finished
        self._bars: dict[str, TaskID] = {}
        self._estimates: dict[str, tuple[str, Estimate]] = {}  # with the phase

    def update(self, now: float, stages: Mapping[str, Stage]) -> None:
        done = frozenset(self._finished.runs)
        active = {run: stages[run] for run in stages if run in self._labels and run not in done}
        if len(self._labels) > 1:
            failed = f", {self._finished.failed} failed" if self._finished.failed else ""
            total = len(done) + sum(stage.fraction for stage in active.values())
            count = f"{len(done)}/{len(self._labels)}"
            self._draw("", f"all runs{failed}", now, Stage("", total / len(self._labels)), count)
        for run, stage in active.items():
            self._draw(run, self._labels[run], now, stage, stage.phase)
        for run in self._bars.keys() - active.keys() - {""}:
            self._progress.remove_task(self._bars.pop(run))

    def _draw(self, bar: str, label: str, now: float, stage: Stage, word: str) -> None:
        phase, estimate = self._estimates.get(bar, ("", None))
        if estimate is None or phase != stage.phase:  # each phase has a rate of its own
            estimate = Estimate()
            self._estimates[bar] = stage.phase, estimate
        fields: dict[str, Any] = {
            "phase": word,
            "percent": int(100 * stage.fraction),
            "left": in_words(estimate(now, stage.fraction)),
        }
        if bar not in self._bars:
            self._bars[bar] = self._progress.add_task("", total=1.0, **fields)
        name = f"{shorten(label, LABEL):<{LABEL}}"
        self._progress.update(self._bars[bar], description=name, completed=stage.fraction, **fields)


def shorten(label: str, width: int) -> str:
    """Cut a label in the middle, more of its start than of its end, which has the seed."""
    if len(label) <= width:
        return label
    tail = 2 * width // 3
    return f"{label[: width - tail - 1]}…{label[-tail:]}"


def in_words(seconds: float | None) -> str:
    """Say how much time is left; nothing if that is not known."""
    if seconds is None:
        return ""
    minutes, rest = divmod(math.ceil(seconds), 60)
    if not minutes:
        return f"{rest} s left"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} left" if hours else f"{minutes}:{rest:02} left"
