"""Say of one run whether it can be trusted, and keep what was found beside it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bdlbench import records, rerun
from bdlbench.errors import BdlbenchError
from bdlbench.files import write_file
from bdlbench.provenance import processor
from bdlbench.records import to_json
from bdlbench.verification import check_run, labels_of, locate

_GIVES = {
    rerun.NOT_IDENTICAL: "predictions that are not identical, on an equal machine",
    rerun.BEYOND: "predictions that are further off than another seed's",
    rerun.ANOTHER_OUTCOME: "another outcome",
}
HOLDS, FAILS = "holds", "does not hold"
FILE = "verdict.json"


def verify(
    results: Path,
    run: str,
    again: bool,
    sampler: str | None,
    data_dir: Path | None,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Check a run, repeat it if asked to, and keep the verdict in its folder.

    Args:
        results: Folder that runs are kept in.
        run: Name of the run, or its folder.
        again: Whether to repeat it.
        sampler: File of the sampler, if it is not an installed one.
        data_dir: Folder that data is looked for in first.
        say: Called with what is being done.

    Returns:
        What is kept: the verdict, why, and what the repetition gave.

    Raises:
        BdlbenchError: There is no such run, or it cannot be repeated here.
    """
    folder = locate(results, run)
    found: dict[str, Any] = {"run": folder.name, "verdict": HOLDS, "reason": ""}
    try:
        record = check_run(folder, labels_of(records.read(folder).task, data_dir))
    except BdlbenchError as error:
        found |= {"verdict": FAILS, "reason": " ".join(str(error).split())}
    else:
        say(f"{record.run}: schema, checksum, inputs and metrics are as they should be")
        if again:
            completed = record.outcome == records.COMPLETED
            sets = records.read_predictions(folder, record) if completed else {}
            found["rerun"] = rerun.rerun(record, sets, sampler, data_dir, say)
            if found["rerun"]["verdict"] not in (rerun.IDENTICAL, rerun.WITHIN):
                found["verdict"] = FAILS
                found["reason"] = f"the repetition gives {_GIVES[found['rerun']['verdict']]}"
    found |= {
        "bdlbench": version("bdlbench"),
        "processor": processor(),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    write_file(folder / FILE, to_json(found))
    return found
