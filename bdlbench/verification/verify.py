"""Verify runs, and store the verdict next to each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bdlbench.errors import BdlbenchError
from bdlbench.leaderboard.admission import Labels
from bdlbench.records import store
from bdlbench.records.record import COMPLETED
from bdlbench.runs.machine import processor
from bdlbench.storage.documents import to_json
from bdlbench.storage.files import write_file
from bdlbench.verification.check_run import check_run, locate
from bdlbench.verification.rerun import Repetition, rerun

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be repeated here"
FILE = "verdict.json"


@dataclass(frozen=True)
class Verdict:
    """The verdict on a run.

    Args:
        run: Its name.
        verdict: `HOLDS`, `FAILS` or `UNKNOWN`.
        reason: Why it does not hold, or is not known to.
        rerun: What the repetition gave; None without one.
    """

    run: str
    verdict: str
    reason: str = ""
    rerun: Repetition | None = None

    def __str__(self) -> str:
        repeated = f"; repeated: {self.rerun.verdict}" if self.rerun else ""
        reason = f": {self.reason}" if self.reason else ""
        return f"{self.run} {self.verdict}{repeated}{reason}"


def verify(
    results: Path,
    runs: Sequence[str],
    again: bool = False,
    sampler: str | None = None,
    data_dir: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Verdict]:
    """Check runs, optionally repeat them, and store each verdict in the run's folder.

    Args:
        results: Folder of the results.
        runs: Their names, or their folders; one that is given twice is checked once.
        again: Whether to repeat them.
        sampler: File of their sampler, if it is not an installed one.
        data_dir: Folder searched for data first.
        say: Called with what is being done.

    Yields:
        Each verdict. Of a run that cannot be repeated here, nothing is kept.

    Raises:
        BdlbenchError: There is no such run; then none is looked at.
    """
    labels: dict[str, Labels] = {}
    for folder in locate(results, runs):
        found = _judge(folder, labels, again, sampler, data_dir, say)
        if found.verdict != UNKNOWN:
            content = {
                **asdict(found, dict_factory=_without_none),
                "bdlbench": version("bdlbench"),
                "processor": processor(),
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            write_file(folder / FILE, to_json(content))
        yield found


def _without_none(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if value is not None}


def _judge(
    folder: Path,
    labels: dict[str, Labels],
    again: bool,
    sampler: str | None,
    data_dir: Path | None,
    say: Callable[[str], None],
) -> Verdict:
    run = folder.name
    try:
        record = check_run(folder, labels, data_dir)
    except BdlbenchError as error:
        return Verdict(run, FAILS, " ".join(str(error).split()))
    say(f"{run}: schema, checksum, inputs and metrics are as they should be")
    if not again:
        return Verdict(run, HOLDS)
    sets = store.read_predictions(folder, record) if record.outcome == COMPLETED else {}
    try:
        found = rerun(record, sets, sampler, data_dir, say)
    except BdlbenchError as error:
        return Verdict(run, UNKNOWN, " ".join(str(error).split()))
    if found.wrong:
        return Verdict(run, FAILS, f"the repetition gives {found.wrong}", found)
    return Verdict(run, HOLDS, rerun=found)
