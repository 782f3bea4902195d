"""Prepare runs for a pull request, and check those of one."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.leaderboard import admission, boards, rendering
from bdlbench.leaderboard.admission import Labels
from bdlbench.records import store
from bdlbench.records.record import Record
from bdlbench.records.schema import LARGEST as LARGEST_RECORD
from bdlbench.storage import files
from bdlbench.storage.escaping import visible
from bdlbench.verification.check_run import check_run, locate

FILES = {"record.json": LARGEST_RECORD, "predictions.npz": 32 * 2**20}
"""The files of a run, and the bytes that each may have."""
MOST_RUNS = 100
MOST_BYTES = 256 * 2**20


def check(runs: Sequence[Path]) -> list[Record]:
    """Check runs as a whole: files, records, predictions, metrics, and their number and size.

    Args:
        runs: Their folders.

    Raises:
        BdlbenchError: The first thing that is wrong.
    """
    if not 1 <= len(runs) <= MOST_RUNS:
        raise RecordError(f"expected 1 to {MOST_RUNS} runs at a time, got {len(runs)}")
    size = sum(check_files(run) for run in runs)
    if size > MOST_BYTES:
        raise RecordError(f"expected at most {MOST_BYTES} bytes at a time, got {size}")
    labels: dict[str, Labels] = {}
    found = [check_run(run, labels) for run in runs]
    for record in found:
        admission.check_declared(record)
    return found


def check_files(run: Path) -> int:
    """Check that a folder holds a run's files and nothing else, and return their size in bytes.

    Raises:
        RecordError: There is a link, another file, or one that is too large.
    """
    if run.is_symlink() or not run.is_dir():
        raise RecordError(f"{visible(str(run))}: expected a folder, got a link or something else")
    total = 0
    for path in sorted(run.iterdir()):
        name = visible(path.name, 60)
        if path.name not in FILES:
            raise RecordError(f"{run}: expected {' and '.join(FILES)}, got {name!r}")
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise RecordError(f"{run}: expected {name} to be a plain file, got a link or another")
        if found.st_size > FILES[path.name]:
            raise RecordError(
                f"{run}: expected {name} of at most {FILES[path.name]} bytes, got {found.st_size}"
            )
        total += found.st_size
    return total


def submit(names: Sequence[str], source: Path, target: Path) -> list[Path]:
    """Copy runs into another folder of results, after all checks, and build its leaderboard.

    Args:
        names: Of the runs, or their folders; one that is given twice is copied once.
        source: Results in which names are searched.
        target: Results that the runs are copied to: those of a checkout of the project.

    Returns:
        The folders of the copies.

    Raises:
        BdlbenchError: A run is not fit to be published, or is there already; nothing is copied.
    """
    folders = locate(source, names)
    copies = [store.folder_of(target, folder.name) for folder in folders]
    for copy in copies:
        if copies.count(copy) > 1:
            raise BdlbenchError(f"expected one run {copy.name}, got two folders of it; name one")
        if copy.exists():
            raise BdlbenchError(f"{copy.name} is in {target} already; leave it out")
    with TemporaryDirectory() as space:
        staged = [store.folder_of(Path(space), folder.name) for folder in folders]
        for folder, stage in zip(folders, staged, strict=True):
            copy_run(folder, stage)
        found = check(staged)
        admission.check_data(found, admission.read_runs(target))
        try:
            for stage, copy in zip(staged, copies, strict=True):
                copy_run(stage, copy)
            rendering.write(target, boards.build(target))
        except BaseException:
            for copy in copies:
                shutil.rmtree(copy, ignore_errors=True)
            raise
    return copies


def copy_run(run: Path, target: Path) -> None:
    """Copy a run's files and nothing else, without following links.

    Raises:
        RecordError: A file cannot be read, or is too large, or is a link.
    """
    for name, most in FILES.items():
        if (run / name).is_symlink() or (run / name).exists():
            try:
                files.write_bytes(target / name, files.read_bytes(run / name, most))
            except (OSError, ValueError) as error:
                raise RecordError(f"{run / name}: cannot be read ({error})") from error
