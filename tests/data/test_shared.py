"""Data shared with runs is found by the digests of what the runs use."""

from __future__ import annotations

import subprocess
import sys
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


KINDS = {
    "images with channels": Examples(np.full((3, 3, 4, 4), 9, np.uint8), np.arange(3), 7),
    "a table": Examples(np.arange(6.0).reshape(2, 3), np.array([0.1, -2.5])),
    "tokens": Examples(np.arange(8).reshape(2, 4), np.array([1, 0]), 2),
    "without labels": Examples(np.arange(6.0).reshape(2, 3)),
    "empty": Examples(np.zeros((0, 3)), np.zeros(0)),
    "not contiguous": Examples(np.arange(24.0).reshape(4, 6)[::2, ::3], np.arange(8.0)[::4]),
}
READ = """
import sys
from bdlbench.data import shared
shared.adopt({("test", "mine"): int(sys.argv[1])})
found = shared.find("test", "mine")
print(found.sha256, found.classes, found.real, found.x.dtype, found.x.shape)
"""


@pytest.mark.parametrize("examples", KINDS.values(), ids=KINDS.keys())
def test_every_kind_of_data_comes_back(examples: Examples) -> None:
    kept = shared.keep({"test": "a"}, {("test", "mine"): examples})
    shared.adopt({key: one.descriptor for key, one in kept.items()})
    for _ in range(2):  # reading does not move the position in the file
        found = shared.find("test", "mine")
        assert found is not None
        assert (found.sha256, found.x.shape, found.classes, found.real) == (
            *(examples.sha256, examples.x.shape, examples.classes, examples.real),
        )
    assert shared.count("test", "mine") == len(examples)


def test_another_process_reads_what_it_is_given() -> None:
    examples = KINDS["a table"]
    kept = shared.keep({"test": "a"}, {("test", "mine"): examples})
    file = kept["test", "mine"].descriptor
    command = [sys.executable, "-c", READ, str(file)]
    made = subprocess.run(command, pass_fds=[file], capture_output=True, text=True, check=True)
    assert made.stdout == f"{examples.sha256} None True float32 (2, 3)\n"


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
