"""Metrics recomputed from stored predictions."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from bdlbench.commands import main
from bdlbench.errors import BdlbenchError
from bdlbench.records import store
from bdlbench.verification.check_run import rescore
from tests import synthetic


def change(run: Path, metric: str, value: float) -> None:
    content = json.loads((run / "record.json").read_text())
    content["metrics"][metric] = value
    (run / "record.json").write_text(json.dumps(content))


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    written = [synthetic.write(tmp_path, seed=seed) for seed in range(3)]
    synthetic.write(tmp_path, "sgld", outcome="diverged", reason="why")
    (tmp_path / "runs" / ".leftover").mkdir()
    return [store.folder_of(tmp_path, record.run) for record in written]


def test_unchanged_runs_match_their_predictions(tmp_path: Path, runs: list[Path]) -> None:
    found = dict(rescore(tmp_path))
    assert len(found) == 4
    assert not any(found.values())
    assert dict(rescore(runs[0])) == {runs[0].name: []}


def test_every_changed_metric_is_detected(tmp_path: Path, runs: list[Path]) -> None:
    record = store.read(runs[1])
    for name, value in record.metrics.items():
        change(runs[1], name, value + 1e-6)
        (line,) = dict(rescore(tmp_path))[runs[1].name]
        assert line.startswith(f"{name} is {value + 1e-6!r} in the record, but {value!r} from its")
        change(runs[1], name, value)
    change(runs[1], "accuracy", record.metrics["accuracy"] * (1 + 1e-12))  # another processor
    assert not any(dict(rescore(tmp_path)).values())


@pytest.mark.parametrize("place", ["first", "middle", "last"])
def test_one_changed_byte_is_detected(tmp_path: Path, runs: list[Path], place: str) -> None:
    path = runs[2] / "predictions.npz"
    content = bytearray(path.read_bytes())
    content[{"first": 0, "middle": len(content) // 2, "last": -1}[place]] ^= 1
    path.write_bytes(content)
    found = {run: lines for run, lines in rescore(tmp_path) if lines}
    assert list(found) == [runs[2].name]
    assert "does not match its record's checksum" in found[runs[2].name][0]


def test_the_command(
    tmp_path: Path,
    runs: list[Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["bdlbench", "score", str(tmp_path)])
    main.main()
    assert capsys.readouterr().out == "4 runs match their predictions\n"
    change(runs[0], "brier_score", 0.0)
    (runs[1] / "record.json").write_text("{")
    with pytest.raises(SystemExit):
        main.main()
    out, err = capsys.readouterr()
    assert [line.split(": ")[0] for line in out.splitlines()] == [runs[0].name, runs[1].name]
    assert err == "error: 2 of 4 runs do not match their predictions; see above\n"


def test_a_folder_without_runs_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BdlbenchError, match=r"expected a folder of results or of a run"):
        list(rescore(tmp_path))
