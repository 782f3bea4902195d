"""Data shared with runs is found by the digests of what the runs use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bdlbench.data import shared
from bdlbench.data.examples import Examples


def images(n: int) -> Examples:
    return Examples(np.full((n, 28, 28), n, np.uint8), np.arange(n), 10)


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared, "_KEPT", {})
    monkeypatch.setattr(shared, "_FILES", {})


def test_data_is_found_by_its_digests_alone() -> None:
    found = shared.keep({"train": "a", "test": "b"}, {("train", "digits"): images(3)})
    assert shared.kept({"test": "b", "train": "a"}) is found
    assert shared.kept({"train": "a", "test": "changed"}) is None
    assert shared.kept({"train": "a"}) is None
    assert shared.keep({"train": "a", "test": "b"}, {("train", "digits"): images(3)}) is found


def test_a_process_reads_what_it_is_given() -> None:
    kept = shared.keep({"train": "a"}, {("train", "digits"): images(3)})
    assert (shared.find("train", "digits"), shared.count("train", "digits")) == (None, 0)
    shared.adopt({key: one.descriptor for key, one in kept.items()})
    assert shared.count("train", "digits") == 3
    found = shared.find("train", "digits")
    assert found is not None
    assert found.sha256 == images(3).sha256


def test_only_the_last_few_tasks_are_kept_and_their_files_are_closed() -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = open_files()
    for n in range(shared.MOST + 3):
        shared.keep({"train": str(n)}, {("train", "digits"): images(1)})
        shared.keep({"train": "used"}, {("train", "digits"): images(1)})
    assert open_files() == before + shared.MOST
    assert shared.kept({"train": "0"}) is None
    assert shared.kept({"train": "used"}) is not None
