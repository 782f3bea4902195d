"""Malicious and corrupt runs are refused with a one-line message that names the problem."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bdlbench import registry
from bdlbench.errors import BdlbenchError
from bdlbench.leaderboard import admission
from bdlbench.records import store
from bdlbench.verification import check_run, submission
from tests import synthetic
from tests.damage import zipped
from tests.hostile import CASES

INPUTS = 200


@pytest.fixture(autouse=True)
def _known_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    labels: admission.Labels = {name: np.arange(INPUTS) % 10 for name in ("test", "letters")}
    monkeypatch.setattr(check_run, "labels_of", lambda *anything: dict(labels))
    monkeypatch.setattr(registry, "load", lambda *rest: pytest.fail("a plugin was loaded"))


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", CASES)
def test_it_is_refused_with_its_message(tmp_path: Path, case: str) -> None:
    damage, message = CASES[case]
    written = synthetic.write(tmp_path, inputs=INPUTS)
    run = store.folder_of(tmp_path, written.run)
    assert submission.check([run]) == [written]
    renamed = damage(run)
    run = renamed if isinstance(renamed, Path) and renamed.name != "predictions.npz" else run
    with pytest.raises(BdlbenchError, match=message) as caught:
        submission.check([run])
    assert len(str(caught.value)) < 1000
    assert str(caught.value).isprintable(), "one line without control characters"


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 40


def test_a_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    written = synthetic.write(tmp_path, inputs=INPUTS)
    run = store.folder_of(tmp_path, written.run)
    other = tmp_path / "elsewhere"
    run.rename(other)
    run.symlink_to(other)
    with pytest.raises(BdlbenchError, match="expected a folder, got a link"):
        submission.check([run])


def test_a_duplicate_name_in_an_archive_is_refused(tmp_path: Path) -> None:
    written = synthetic.write(tmp_path, inputs=INPUTS)
    run = store.folder_of(tmp_path, written.run)
    with pytest.warns(UserWarning, match="Duplicate name"):
        zipped(("a.npy", b"1"), ("a.npy", b"2"))(run)
    with pytest.raises(BdlbenchError, match="expected every array once"):
        submission.check([run])


@pytest.mark.parametrize("count", [0, submission.MOST_RUNS + 1])
def test_the_number_of_runs_is_limited(tmp_path: Path, count: int) -> None:
    with pytest.raises(BdlbenchError, match=f"expected 1 to 100 runs at a time, got {count}"):
        submission.check([tmp_path] * count)


def test_the_size_of_all_runs_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = synthetic.write(tmp_path, inputs=INPUTS)
    monkeypatch.setattr(submission, "MOST_BYTES", 1000)
    with pytest.raises(BdlbenchError, match="expected at most 1000 bytes at a time"):
        submission.check([store.folder_of(tmp_path, written.run)])
