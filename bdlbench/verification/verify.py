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
from bdlbench.verification.rerun import Files, Repetition, rerun

HOLDS, FAILS, UNKNOWN = "holds", "does not hold", "cannot be repeated here"
FILE = "verdict.json"
INSTALLED = Files()


@dataclass(frozen=True)
class Verdict:
    """The verdict on a run.

    Args:
        run: Name of the run.
        verdict: `HOLDS`, `FAILS` or `UNKNOWN`.
        reason: Why the verdict is not `HOLDS`.
        rerun: Result of the repetition; None without one.
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
    given: Files = INSTALLED,
    data_dir: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Iterator[Verdict]:
    """Check runs, optionally repeat them, and store each verdict in the run's folder.

    Args:
        results: Folder of the results.
        runs: Names or folders of the runs; duplicates are ignored.
        again: Whether to repeat them.
        given: Their plugins that are not installed.
        data_dir: Folder searched for data first.
        say: Called with progress messages.

    Yields:
        Each verdict; it is not stored if the run cannot be repeated here.

    Raises:
        BdlbenchError: A run does not exist; in this case none is checked.
    """
    labels: dict[str, Labels] = {}
    for folder in locate(results, runs, say):
        verdict = _verify(folder, labels, again, given, data_dir, say)
        if verdict.verdict != UNKNOWN:
            content = {
                **asdict(verdict, dict_factory=_without_none),
                "bdlbench": version("bdlbench"),
                "processor": processor(),
                "finished": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            write_file(folder / FILE, to_json(content))
        yield verdict


def _without_none(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if value is not None}


def _verify(
    folder: Path,
    labels: dict[str, Labels],
    again: bool,
    given: Files,
    data_dir: Path | None,
    say: Callable[[str], None],
) -> Verdict:
    run = folder.name
    try:
        record = check_run(folder, labels, data_dir)
    except BdlbenchError as error:
        return Verdict(run, FAILS, " ".join(str(error).split()))
    say(f"{run}: schema, checksum, inputs and metrics are correct")
    if not again:
        return Verdict(run, HOLDS)
    sets = store.read_predictions(folder, record) if record.outcome == COMPLETED else {}
    try:
        repetition = rerun(record, sets, given, data_dir, say)
    except BdlbenchError as error:
        return Verdict(run, UNKNOWN, " ".join(str(error).split()))
    if repetition.wrong:
        return Verdict(run, FAILS, f"the repetition gives {repetition.wrong}", repetition)
    return Verdict(run, HOLDS, rerun=repetition)
