"""What is on disk is reused, until anything that it depends on has changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from bdlbench.comparison.result import Comparison
from bdlbench.errors import RecordError
from bdlbench.execution import worker
from bdlbench.metrics import controls
from bdlbench.metrics.scores import TOLERANCE
from bdlbench.records import store
from bdlbench.records.record import Record
from bdlbench.runs import task_data
from bdlbench.runs.job import Job

pytestmark = pytest.mark.usefixtures("loaded_once")
Write = Callable[..., str]
Compare = Callable[..., Comparison]
QUICK = "yield problem.init(rng)"


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List the runs that are carried out, and not reused: sampler and seed."""
    runs: list[str] = []
    obtain = worker.obtain

    def spy(job: Job, *rest: Any) -> Record | None:
        runs.append(f"{job.run.split('-')[1]} {job.seed}")
        return obtain(job, *rest)

    monkeypatch.setattr(worker, "obtain", spy)
    return runs


def test_runs_on_disk_are_reused_until_anything_changes(
    compare: Compare, write_sampler: Write, tmp_path: Path, executed: list[str]
) -> None:
    path = write_sampler(QUICK)

    def again(**options: Any) -> tuple[list[str], int]:
        executed.clear()
        found = compare([options.pop("sampler", path)], tmp_path, **options)
        return list(executed), found.rows[0].reused

    assert again(seeds=2) == (["mine 0", "mine 1"], 0)
    assert again(seeds=2) == ([], 2)
    assert again(seeds=2, force=True) == (["mine 0", "mine 1"], 0)
    assert again(seeds=3) == (["mine 2"], 2)
    assert again(epochs=3.0) == ([], 1)
    assert again(epochs=4) == (["mine 0"], 0)
    assert again(model="mlp-5") == (["mine 0"], 0)
    assert again(split="validation") == (["mine 0"], 0)
    assert again(sampler=f"{path}:size=2") == (["mine 0"], 0)
    assert again(sampler=f"{path}:size=1") == ([], 1), "the default, given"
    source = Path(path).read_text()
    write_sampler("# an edit\n" + QUICK)
    assert again() == (["mine 0"], 0)
    Path(path).write_text(source)
    assert again(seeds=3) == ([], 3), "the runs of the old source are still there"


@pytest.mark.parametrize(
    ("body", "reused"),
    [
        ("yield problem.init(rng) / 0", 1),
        ("raise OSError\nyield", 0),
        ("raise MemoryError\nyield", 0),
    ],
)
def test_only_outcomes_that_would_come_again_are_reused(
    compare: Compare, write_sampler: Write, tmp_path: Path, body: str, reused: int
) -> None:
    path = write_sampler(body)
    compare([path], tmp_path)
    assert compare([path], tmp_path).rows[0].reused == reused


def test_controls_are_computed_once(
    compare: Compare, write_sampler: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_sampler(QUICK)
    found = compare([path], tmp_path).controls
    data = {split: task_data.load(split, "digits", ()).x for split in ("train", "test")}
    letters = task_data.load("test", "letters", ()).x
    wanted = controls.control_aurocs(data["train"], data["test"], letters)
    assert found == {"letters": pytest.approx(wanted, rel=TOLERANCE, abs=TOLERANCE)}
    monkeypatch.setattr(controls, "control_aurocs", lambda *images: pytest.fail("once is enough"))
    assert compare([path], tmp_path, seeds=2).controls == found


def test_runs_are_scored_again_when_the_metrics_have_changed(
    compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = compare(["sgd"], tmp_path).rows[0].metrics["accuracy"]
    (folder,) = (tmp_path / "runs").iterdir()
    file = folder / "record.json"
    content = json.loads(file.read_text())
    content["metrics"] = {"accuracy": 0.125}
    file.write_text(json.dumps(content))
    assert compare(["sgd"], tmp_path).rows[0].metrics["accuracy"].mean == 0.125
    file.write_text(json.dumps(content | {"scoring": content["scoring"] - 1}))
    before = file.read_bytes()
    reads = Mock(wraps=store.read_predictions)
    monkeypatch.setattr(store, "read_predictions", reads)
    row = compare(["sgd"], tmp_path).rows[0]
    assert reads.call_count == 1
    assert (row.metrics["accuracy"], row.reused) == (right, 1)
    assert len(row.metrics) > 10
    assert file.read_bytes() == before


def test_a_damaged_record_is_made_again_with_a_note(
    compare: Compare, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    compare(["sgd"], tmp_path, seeds=2)
    broken, whole = sorted((tmp_path / "runs").iterdir())
    content = (broken / "record.json").read_bytes()
    (broken / "record.json").write_bytes(content[:100])
    capsys.readouterr()
    (row,) = compare(["sgd"], tmp_path, seeds=2, quiet=False).rows
    assert (row.outcomes, row.reused) == ({"completed": 2}, 1)
    note = f"{broken.name}: its record is damaged; it is run again"
    assert capsys.readouterr().err.splitlines().count(note) == 1
    assert store.read(broken).outcome == "completed"
    assert store.read(whole).outcome == "completed"


def test_predictions_that_are_not_the_records_are_refused(compare: Compare, tmp_path: Path) -> None:
    compare(["sgd"], tmp_path)
    (folder,) = (tmp_path / "runs").iterdir()
    with (folder / "predictions.npz").open("ab") as file:
        file.write(b"more")
    with pytest.raises(
        RecordError, match=r"does not match its record's checksum; delete its folder"
    ):
        compare(["sgd"], tmp_path)
    assert compare(["sgd"], tmp_path, force=True).rows[0].outcomes == {"completed": 1}
