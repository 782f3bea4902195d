"""A lock is held by one process, and dies with it."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bdlbench.errors import RecordError
from bdlbench.execution import locks
from bdlbench.storage.locations import is_local, place

HOLD = """
import sys
from pathlib import Path
from bdlbench.execution import locks
lock = locks.acquire(Path(sys.argv[1]), "run")
print(lock is not None, flush=True)
sys.stdin.read()
"""


def test_a_lock_has_one_owner_at_a_time_and_dies_with_it(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "True\n"
        assert locks.acquire(tmp_path, "run") is None
        assert locks.under_way(tmp_path) == {"run": (locks.STARTING, 0.0)}
        owner.kill()
    assert locks.path_of(tmp_path, "run").exists()
    assert locks.under_way(tmp_path) == {}
    lock = locks.acquire(tmp_path, "run")
    assert lock is not None
    with lock:
        assert locks.acquire(tmp_path, "run") is None
        report = locks.reporter(lock.held[0])
        for stage in (("evaluating", 0.5), ("sampling", 0.25)):  # a shorter word after a longer one
            report(*stage)
            assert locks.under_way(tmp_path) == {"run": stage}
    assert os.listdir(tmp_path / "locks") == []


def test_a_lock_that_its_owner_has_just_deleted_is_not_taken_for_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock, path = fcntl.flock, locks.path_of(tmp_path, "run")

    def released_meanwhile(descriptor: int, operation: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        path.unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", released_meanwhile)
    lock = locks.acquire(tmp_path, "run")
    assert lock is not None
    with lock:
        assert path.exists()
        assert locks.acquire(tmp_path, "run") is None


def test_a_copy_in_another_process_does_not_outlive_the_release(tmp_path: Path) -> None:
    lock = locks.acquire(tmp_path, "run")
    assert lock is not None
    copy = os.dup(lock.held[0])
    with lock:
        pass
    again = locks.acquire(tmp_path, "run")
    assert again is not None
    with again:
        os.close(copy)


def test_a_folder_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(RecordError, match="cannot write to"):
        locks.acquire(tmp_path / "file", "run")


def test_behind_a_url_nothing_is_locked() -> None:
    results = place("memory://locks")
    assert not is_local(results)
    for _ in range(2):
        lock = locks.acquire(results, "run")
        assert lock is not None
        with lock:
            assert lock.held == []
    assert locks.under_way(results) == {}
