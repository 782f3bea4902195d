"""Count runs: done, failed, running, left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bdlbench.execution import locks
from bdlbench.execution.progress import Stage
from bdlbench.records import store
from bdlbench.records.record import COMPLETED, Record

DONE, FAILED, RUNNING, LEFT = STATES = ("done", "failed", "running", "left")
DAMAGED = "corrupt record"


@dataclass(frozen=True)
class Status:
    """The state of a set of runs.

    Args:
        counts: Number of runs in each of `STATES`, by task, model and sampler.
        failures: Number of runs by outcome and reason.
        under_way: How far each running run is, by name.
    """

    counts: Mapping[tuple[str, str, str], Counter[str]]
    failures: Mapping[str, int]
    under_way: Mapping[str, Stage]

    @property
    def total(self) -> Counter[str]:
        """Number of runs in each of `STATES`."""
        return sum(self.counts.values(), Counter())

    def to_text(self) -> str:
        """Format the counts as a table, followed by running runs and reasons of failures."""
        names = [*self.counts, ("all", "", "")]
        rows: list[tuple[str, ...]] = [("task", "model", "sampler", *STATES)]
        for name, count in zip(names, (*self.counts.values(), self.total), strict=True):
            rows.append((*name, *(str(count[state]) for state in STATES)))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = []
        for row in rows:
            cells = [
                cell.ljust(width) if index < 3 else cell.rjust(width)
                for index, (cell, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
        lines += [
            f"running: {run} {stage.phase} {stage.fraction:.0%}"
            for run, stage in sorted(self.under_way.items())
        ]
        lines += [f"failed: {n} × {why}" for why, n in sorted(self.failures.items())]
        return "\n".join(lines)


def survey(results: Path, planned: Sequence[tuple[str, str, str, str]] = ()) -> Status:
    """Count the runs in a results folder by state.

    Args:
        results: Folder or URL of the results.
        planned: Run, task, model and sampler of the runs to count; if empty, all runs.
    """
    running = locks.under_way(results)
    stored = dict(store.read_all(results))
    runs = planned or _all(stored, running)
    counts: dict[tuple[str, str, str], Counter[str]] = {}
    failures: Counter[str] = Counter()
    for run, *name in runs:
        record = stored.get(run)
        state = RUNNING if run in running else _state(record, run in stored)
        counts.setdefault((name[0], name[1], name[2]), Counter())[state] += 1
        if state == FAILED:
            failures[_why(record)] += 1
    names = {run for run, *_ in runs}
    under_way = {run: stage for run, stage in running.items() if run in names}
    return Status(counts, failures, under_way)


def _all(
    stored: Mapping[str, Record | None], running: Iterable[str]
) -> list[tuple[str, str, str, str]]:
    """Return all runs, including those without a record."""
    runs = []
    for run in sorted({*stored, *running}):
        record = stored.get(run)
        if record is None:
            runs.append((run, run.rsplit("-", 2)[0], "", ""))
        else:
            runs.append((run, record.task, record.configuration.model, record.sampler.name))
    return runs


def _state(record: Record | None, is_stored: bool) -> str:
    if not is_stored:
        return LEFT
    return DONE if record is not None and record.outcome == COMPLETED else FAILED


def _why(record: Record | None) -> str:
    return DAMAGED if record is None else f"{record.outcome}: {record.reason}"
