"""Submit runs to a checkout of the project, and check submitted runs."""

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
from bdlbench.runs import tasks
from bdlbench.storage import files
from bdlbench.storage.escaping import visible
from bdlbench.verification.check_run import check_run, locate

FILES = {"record.json": LARGEST_RECORD, "predictions.npz": 32 * 2**20}
"""The files of a run, and their maximum sizes in bytes."""
MOST_RUNS = 100
MOST_BYTES = 256 * 2**20


def check(runs: Sequence[Path]) -> list[Record]:
    """Check files, records, predictions and metrics of runs, and their total number and size.

    Args:
        runs: Folders of the runs.

    Raises:
        BdlbenchError: A check failed; the message describes the first.
    """
    if not 1 <= len(runs) <= MOST_RUNS:
        raise RecordError(f"expected 1 to {MOST_RUNS} runs at a time, got {len(runs)}")
    size = sum(check_files(run) for run in runs)
    if size > MOST_BYTES:
        raise RecordError(f"expected at most {MOST_BYTES} bytes at a time, got {size}")
    labels: dict[str, Labels] = {}
    records = [check_run(run, labels) for run in runs]
    for record in records:
        if tasks.built_in(record.task) is None:
            raise RecordError(f"{record.run}: expected a built-in task, got {record.task}")
        admission.check_declared(record)
    return records


def check_files(run: Path) -> int:
    """Check that a folder has only the files of a run, and return their total size in bytes.

    Raises:
        RecordError: It has a link, an unexpected file, or one that is too large.
    """
    if run.is_symlink() or not run.is_dir():
        raise RecordError(f"{visible(str(run))}: expected a folder, got a link or a file")
    total = 0
    for path in sorted(run.iterdir()):
        name = visible(path.name, 60)
        if path.name not in FILES:
            raise RecordError(f"{run}: expected {' and '.join(FILES)}, got {name!r}")
        info = os.lstat(path)
        if not stat.S_ISREG(info.st_mode) or info.st_nlink > 1:
            raise RecordError(f"{run}: expected {name} to be a plain file, got a link or other")
        if info.st_size > FILES[path.name]:
            raise RecordError(
                f"{run}: expected {name} of at most {FILES[path.name]} bytes, got {info.st_size}"
            )
        total += info.st_size
    return total


def submit(names: Sequence[str], source: Path, target: Path) -> list[Path]:
    """Check runs, copy them into the results of a checkout, and update its leaderboard.

    Args:
        names: Names or folders of the runs; duplicates are ignored.
        source: Results in which names are searched.
        target: Results that the runs are copied to.

    Returns:
        The folders of the copies.

    Raises:
        BdlbenchError: A run cannot be published, or already exists; nothing is copied.
    """
    folders = locate(source, names)
    copies = [store.folder_of(target, folder.name) for folder in folders]
    for copy in copies:
        if copies.count(copy) > 1:
            raise BdlbenchError(f"expected one run {copy.name}, got two folders of it; name one")
        if copy.exists():
            raise BdlbenchError(f"{copy.name} already exists in {target}; omit it")
    with TemporaryDirectory() as space:
        staged = [store.folder_of(Path(space), folder.name) for folder in folders]
        for folder, stage in zip(folders, staged, strict=True):
            copy_run(folder, stage)
        admission.check_data(check(staged), admission.read_runs(target))
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
    """Copy the files of a run, without following links.

    Raises:
        RecordError: A file cannot be read, is too large, or is a link.
    """
    for name, most in FILES.items():
        if (run / name).is_symlink() or (run / name).exists():
            try:
                files.write_bytes(target / name, files.read_bytes(run / name, most))
            except (OSError, ValueError) as error:
                raise RecordError(f"{run / name}: cannot be read ({error})") from error
