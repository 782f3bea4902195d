"""Say of runs whether they can be trusted, and keep what was found beside each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bdlbench.errors import BdlbenchError
from bdlbench.leaderboard.admission import Labels
from bdlbench.records import store
from bdlbench.records.record import COMPLETED, Record
from bdlbench.runs.machine import processor
from bdlbench.storage.documents import to_json
from bdlbench.storage.files import write_file
from bdlbench.verification import rerun
from bdlbench.verification.check_run import check_run, labels_of, locate

_GIVES = {
    rerun.NOT_IDENTICAL: "predictions that are not identical, on an equal machine",
    rerun.BEYOND: "predictions that are further off than another seed's",
    rerun.ANOTHER_OUTCOME: "another outcome",
}
HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be repeated here"
FILE = "verdict.json"


def verify(
    results: Path,
    runs: Sequence[str],
    again: bool = False,
    sampler: str | None = None,
    data_dir: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[dict[str, Any]]:
    """Check runs, repeat them if asked to, and keep each verdict in the run's folder.

    Args:
        results: Folder that runs are kept in.
        runs: Their names, or their folders; one that is given twice is checked once.
        again: Whether to repeat them.
        sampler: File of their sampler, if it is not an installed one.
        data_dir: Folder that data is looked for in first.
        say: Called with what is being done.

    Yields:
        What is kept: the verdict, why, and what the repetition gave. Of a run that cannot be
        repeated here, nothing is kept.

    Raises:
        BdlbenchError: There is no such run; then none is looked at.
    """
    labels: dict[str, Labels] = {}
    for folder in locate(results, runs):
        found: dict[str, Any] = {"run": folder.name, "verdict": HOLDS, "reason": ""}
        try:
            record = _check(folder, labels, data_dir)
        except BdlbenchError as error:
            found |= {"verdict": FAILS, "reason": " ".join(str(error).split())}
        else:
            say(f"{record.run}: schema, checksum, inputs and metrics are as they should be")
            if again:
                found |= _repeat(folder, record, sampler, data_dir, say)
        if found["verdict"] != UNKNOWN:
            found |= {
                "bdlbench": version("bdlbench"),
                "processor": processor(),
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            write_file(folder / FILE, to_json(found))
        yield found


def to_line(found: dict[str, Any]) -> str:
    """Return a verdict as one line."""
    repeated = f"; repeated: {found['rerun']['verdict']}" if "rerun" in found else ""
    reason = f": {found['reason']}" if found["reason"] else ""
    return f"{found['run']} {found['verdict']}{repeated}{reason}"


def _check(folder: Path, labels: dict[str, Labels], data_dir: Path | None) -> Record:
    task = store.read(folder).task
    if task not in labels:
        labels[task] = labels_of(task, data_dir)
    return check_run(folder, labels[task])


def _repeat(
    folder: Path,
    record: Record,
    sampler: str | None,
    data_dir: Path | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    completed = record.outcome == COMPLETED
    sets = store.read_predictions(folder, record) if completed else {}
    try:
        found = rerun.rerun(record, sets, sampler, data_dir, say)
    except BdlbenchError as error:
        return {"verdict": UNKNOWN, "reason": " ".join(str(error).split())}
    if found["verdict"] in (rerun.IDENTICAL, rerun.WITHIN):
        return {"rerun": found}
    reason = f"the repetition gives {_GIVES[found['verdict']]}"
    return {"rerun": found, "verdict": FAILS, "reason": reason}
