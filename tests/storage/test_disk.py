"""Crashes while writing and full disks: runs are stored atomically, and errors reported."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bdlbench.comparison import status
from bdlbench.comparison.result import Comparison
from bdlbench.errors import RecordError
from bdlbench.execution import processes, worker
from bdlbench.records import store
from bdlbench.runs import run
from bdlbench.runs.job import Job
from bdlbench.storage import files
from tests.processes import server, wait_for

pytestmark = pytest.mark.usefixtures("loaded_once")
Write = Callable[..., str]
Compare = Callable[..., Comparison]
Plan = Callable[..., Job]
QUICK = "yield problem.init(rng)"


def kept(results: Path) -> list[str]:
    return sorted(path.name for path in (results / "runs").glob("[!.]*"))


@pytest.mark.parametrize(("step", "whole"), [(0, False), (1, False), (2, True)])
def test_runs_are_written_atomically(
    compare: Compare,
    write_sampler: Write,
    plan_run: Plan,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    step: int,
    whole: bool,
) -> None:
    path = write_sampler(QUICK)
    job = plan_run(path)
    synced: list[Path] = []

    def die(file: Path) -> None:
        synced.append(file)
        if len(synced) > step:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(files, "sync", die)
        patched.setattr(shutil, "rmtree", lambda *rest, **options: None)  # no clean-up
        with pytest.raises(KeyboardInterrupt):
            run.execute(job)
    assert len(kept(tmp_path)) == whole
    (row,) = compare([path], tmp_path).rows
    assert (row.outcomes, row.reused) == ({"completed": 1}, whole)


def test_files_left_by_a_killed_process_are_ignored(
    compare: Compare, write_sampler: Write, tmp_path: Path
) -> None:
    path = write_sampler(QUICK)
    compare([path], tmp_path)
    (name,) = kept(tmp_path)
    for seed in (0, 1):
        for left in (f".{name[:-1]}{seed}.{os.getpid()}.partial", f".{name[:-1]}{seed}.1.old"):
            (tmp_path / "runs" / left).mkdir()
            (tmp_path / "runs" / left / "record.json").write_text("{half")
    (row,) = compare([path], tmp_path, seeds=2).rows
    assert (row.outcomes, row.reused) == ({"completed": 2}, 1)
    assert store.find(tmp_path, name[:-1] + "1").seed == 1
    with pytest.raises(RecordError, match="got none"):
        store.find(tmp_path, ".")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a small disk can only be mounted by root")
    yield disk
    # A process that has answered may not have terminated yet, and hold its lock.
    wait_for(lambda: not server().children(), "the end of all runs")
    subprocess.run(["umount", str(disk)], check=True)


def test_a_full_disk_does_not_lose_finished_runs(
    compare: Compare, write_sampler: Write, small_disk: Path
) -> None:
    path = write_sampler(QUICK)
    message = (
        rf"cannot write to {small_disk} \(No space left on device\); free or repair it.*1 of 3"
    )
    with pytest.raises(RecordError, match=message):
        compare([path], small_disk, seeds=3)
    assert os.listdir(small_disk / "runs") == kept(small_disk), "no partial run is left"
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    (row,) = compare([path], small_disk, seeds=3).rows
    assert (row.outcomes, row.reused) == ({"completed": 3}, 1)


def test_a_folder_that_becomes_read_only_does_not_lose_finished_runs(
    compare: Compare, write_sampler: Write, small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    runs = str(small_disk / "runs")
    once = small_disk / "once"
    path = write_sampler(f"""
    import os, subprocess
    if rng.initial_seed() == 1 and not os.path.exists({str(once)!r}):
        open({str(once)!r}, "w").close()
        mount = ["mount", "-t", "tmpfs", "-o", "ro", "none", {runs!r}]
        subprocess.run(mount, check=True)  # an open lock prevents it even for root
    yield problem.init(rng)
    """)
    with pytest.raises(
        RecordError, match=r"cannot write to .* \(Read-only file system\); .*1 of 3"
    ):
        compare([path], small_disk, seeds=3)
    with pytest.raises(RecordError, match="Read-only file system"):
        compare([path], small_disk, seeds=3)
    subprocess.run(["umount", runs], check=True)
    assert dict(status.survey(small_disk).total) == {"done": 1}
    (row,) = compare([path], small_disk, seeds=3).rows
    assert (row.outcomes, row.reused) == ({"completed": 3}, 1)


def test_a_file_size_limit_is_reported(
    compare: Compare, write_sampler: Write, tmp_path: Path
) -> None:
    path, before = write_sampler(QUICK), resource.getrlimit(resource.RLIMIT_FSIZE)
    processes.start()
    pid = server().pid  # its children inherit the limits
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (20_000, before[1]))  # one draw takes 6,400 bytes
    try:
        with pytest.raises(RecordError, match=r"cannot write to .* \(File too large\).*0 of 1"):
            compare([path], tmp_path, model="mlp-2")
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)
    assert os.listdir(tmp_path / "runs") == []
    assert compare([path], tmp_path, model="mlp-2").rows[0].outcomes == {"completed": 1}


@pytest.mark.parametrize("place", ["file/below", "/proc/bdlbench"])
def test_unwritable_results_are_refused_before_any_run(
    compare: Compare,
    write_sampler: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    place: str,
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(worker, "obtain", lambda *job: pytest.fail("a run was begun"))
    with pytest.raises(RecordError, match=f"cannot write to .*{place} .* --results"):
        compare([write_sampler(QUICK)], tmp_path / place)
