"""Take control rows along with runs, and never on anybody's word: they are computed again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bdlbench.errors import DataMissing, RecordError
from bdlbench.records.record import Record
from bdlbench.reference.control_rows import (
    DELETE_CONTROLS,
    compute_controls,
    controls_file,
    read_controls,
)
from bdlbench.runs import plan, tasks
from bdlbench.runs.plan import Setup
from bdlbench.storage import files

LARGEST = 2**14  # bytes of a file of them, which has some 200
_SAME = 1e-4  # other processors round distances otherwise, which may turn a pair of images round


def files_of(runs: Sequence[Record]) -> dict[str, Record]:
    """Return where, within the results, the control rows of runs are kept, with a run of each."""
    return {controls_file(record.task, record.data): record for record in runs}


def to_bring(runs: Sequence[Record], source: Path, target: Path) -> list[str]:
    """Return the files of control rows that go along with runs, checked.

    Those that the target has are left out, and those that cannot be checked here.

    Args:
        runs: Records of the runs.
        source: Results that the runs are from.
        target: Results that they go to.

    Raises:
        RecordError: A file does not hold the control rows of the data.
    """
    found = []
    for name, record in files_of(runs).items():
        if (source / name).exists() and not (target / name).exists():
            with suppress(DataMissing):
                check(source / name, record)
                found.append(name)
    return found


def check(path: Path, record: Record) -> None:
    """Compute the control rows of a run's data again, and hold a file of them against that.

    Raises:
        DataMissing: The data cannot be had here.
        RecordError: The file says something else, or the data here is other than the run's.
    """
    setup = Setup(
        tasks.get(record.task), tasks.get(record.task).model, "test", "cpu", path.parent, None
    )
    said = read_controls(path, LARGEST)
    if plan.fingerprints(setup) != record.data:
        raise RecordError(f"{path}: is of other data than can be had here; leave it out")
    if not _agree(said, compute_controls(setup)):
        raise RecordError(f"{path}: is not what the data gives; {DELETE_CONTROLS}")


def copy(name: str, source: Path, target: Path) -> None:
    """Copy a file of control rows; a link is not followed."""
    files.write_bytes(target / name, files.read_bytes(source / name, LARGEST))


def _agree(said: Any, found: Any) -> bool:
    if isinstance(found, dict):
        return (
            isinstance(said, dict)
            and said.keys() == found.keys()
            and all(_agree(said[name], found[name]) for name in found)
        )
    return isinstance(said, float) and abs(said - found) <= _SAME
