"""Runs repeated from their records: identical, within the spread over seeds, or refused."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bdlbench.commands import main
from bdlbench.comparison.result import Comparison
from bdlbench.errors import BdlbenchError
from bdlbench.metrics.scores import score
from bdlbench.records import store
from bdlbench.records.predictions import Predictions
from bdlbench.records.record import Record
from bdlbench.runs import numerics, plan
from bdlbench.verification import verify
from bdlbench.verification.rerun import Files
from tests import synthetic

pytestmark = pytest.mark.usefixtures("loaded_once")
Compare = Callable[..., Comparison]
Write = Callable[..., str]
BODY = "for _ in range(3): yield problem.init(rng)"


@pytest.fixture
def run(compare: Compare, write_sampler: Write, tmp_path: Path) -> tuple[Path, str]:
    """Run a sampler from a file; return the run's folder and the file."""
    path = write_sampler(BODY)
    compare([path], tmp_path / "results")
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    return folder, path


def check(folder: Path, sampler: str) -> dict[str, Any]:
    """Return the stored verdict on a run, or that on a run that cannot be repeated."""
    (verdict,) = verify.verify(folder.parents[1], [folder.name], True, Files(sampler))
    if verdict.verdict == "cannot be repeated here":
        assert not (folder / "verdict.json").exists()
        return vars(verdict)
    stored = dict(json.loads((folder / "verdict.json").read_text()))
    for name in ("run", "verdict", "reason"):
        assert stored[name] == getattr(verdict, name)
    return stored


def refused(run: tuple[Path, str]) -> str:
    found = check(*run)
    assert found["verdict"] == "cannot be repeated here"
    return str(found["reason"])


def with_numerics(version: str, folder: Path) -> Path:
    """Change the record to another numerics version."""
    record = store.read(folder)
    configuration = replace(record.configuration, numerics=version)
    made = synthetic.named(replace(record, configuration=configuration))
    target = folder.with_name(made.run)
    folder.rename(target)
    store.update(target, made)
    return target


def elsewhere(folder: Path) -> Record:
    """Change the record to another machine."""
    content = json.loads((folder / "record.json").read_text())
    content["environment"]["processor"] = "another"
    (folder / "record.json").write_text(json.dumps(content))
    return store.read(folder)


def changed(folder: Path, change: Callable[[Predictions], np.ndarray]) -> None:
    """Forge log-probabilities, and everything that is computed from them."""
    record = store.read(folder)
    sets = {}
    for name, found in store.read_predictions(folder, record).items():
        log_p = change(found)
        log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
        entropy = np.zeros_like(found.expected_entropy)
        sets[name] = replace(found, log_probabilities=log_p.astype("f4"), expected_entropy=entropy)
    store.write(folder.parents[1], replace(record, metrics=score(sets)), sets)


def test_the_same_machine_gives_identical_predictions(run: tuple[Path, str]) -> None:
    found = check(*run)
    record = store.read(run[0])
    assert found["verdict"] == "holds"
    assert found["rerun"] == {
        "verdict": "identical",
        "source_sha256": record.sampler.source_sha256,
        "numerics": numerics.version(),
    }


def test_a_forged_run_is_detected_on_an_equivalent_machine(run: tuple[Path, str]) -> None:
    changed(run[0], lambda p: p.log_probabilities + 1e-4 * np.eye(10)[0])
    found = check(*run)
    assert found["verdict"] == "does not hold"
    assert found["rerun"]["verdict"] == "not identical on an equal machine"


@pytest.mark.parametrize(("size", "verdict"), [(1e-4, "within"), (20.0, "beyond")])
def test_on_another_machine_predictions_may_differ_as_seeds_do(
    run: tuple[Path, str], size: float, verdict: str
) -> None:
    changed(run[0], lambda p: p.log_probabilities + size * np.eye(10)[p.labels % 10])
    elsewhere(run[0])
    found = check(*run)
    assert found["rerun"]["verdict"] == f"{verdict} the seed spread"
    assert found["verdict"] == ("holds" if verdict == "within" else "does not hold")
    far = [found["rerun"]["total_variation"][k] > v for k, v in found["rerun"]["tolerance"].items()]
    assert any(far) == (verdict == "beyond")


def test_without_a_repetition_the_checks_alone_decide(run: tuple[Path, str]) -> None:
    folder, _ = run
    (found,) = verify.verify(folder.parents[1], [folder.name[:-3]])
    assert (found.verdict, found.rerun) == ("holds", None)
    assert "rerun" not in json.loads((folder / "verdict.json").read_text())
    with (folder / "predictions.npz").open("ab") as file:
        file.write(b"!")
    (found,) = verify.verify(folder.parents[1], [str(folder)])
    assert found.verdict == "does not hold"
    assert "does not match its record's checksum" in found.reason


def test_another_version_of_the_sampler_may_give_identical_predictions(
    run: tuple[Path, str],
) -> None:
    _, path = run
    with open(path, "a") as file:
        file.write("# a comment\n")
    found = check(*run)
    assert (found["verdict"], found["rerun"]["verdict"]) == ("holds", "identical")


@pytest.mark.parametrize("body", ["yield 2 * problem.init(rng)", "raise ValueError('no')"])
def test_different_predictions_of_another_version_are_inconclusive(
    run: tuple[Path, str], write_sampler: Write, body: str
) -> None:
    write_sampler(f"for _ in range(3): {body}\nyield problem.init(rng)")
    assert refused(run).startswith("the sampler file has changed since, and gives different")


@pytest.mark.parametrize(
    ("size", "verdict"), [(0.0, "identical"), (1e-4, "within the seed spread"), (20.0, "beyond")]
)
def test_other_numerical_code_may_round_differently(
    run: tuple[Path, str], size: float, verdict: str
) -> None:
    if size:
        changed(run[0], lambda p: p.log_probabilities + size * np.eye(10)[p.labels % 10])
    found = check(with_numerics("1", run[0]), run[1])
    assert found["rerun"]["verdict"].startswith(verdict)
    assert found["rerun"]["numerics"] == numerics.version()
    assert found["verdict"] == ("does not hold" if verdict == "beyond" else "holds")


def test_other_data_is_refused(run: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> None:
    data = {**store.read(run[0]).data, "train": "0" * 64}
    monkeypatch.setattr(plan, "fingerprints", lambda setup: data)
    reason = refused(run)
    assert reason.startswith("expected train data ")
    assert reason.endswith("got 000000000000")


def test_no_sampler_file_is_loaded_because_of_a_record(run: tuple[Path, str]) -> None:
    assert "no sampler 'mine'" in refused((run[0], ""))


def test_the_command(
    run: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, path = run
    copy = shutil.copytree(folder, folder.parents[2] / "copy" / folder.name)
    command = ["bdlbench", "verify", str(folder), str(copy), "--rerun", "--sampler", path]
    monkeypatch.setattr(sys, "argv", command)
    main.main()
    out, err = capsys.readouterr()
    assert out.splitlines() == [f"{folder.name} holds; repeated: identical"] * 2
    assert f"repeating {folder.name}" in err
    changed(folder, lambda p: p.log_probabilities + np.eye(10)[0])
    with pytest.raises(SystemExit):
        main.main()
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert "does not hold" in first
    assert "the repetition gives predictions that are not" in first
    assert second == f"{folder.name} holds; repeated: identical"
    assert f"1 of 2 runs failed verification: {folder.name}" in err


def test_a_missing_run_is_an_error_before_any_run_is_checked(run: tuple[Path, str]) -> None:
    folder, _ = run
    with pytest.raises(BdlbenchError, match="that begins with 'other', got none"):
        list(verify.verify(folder.parents[1], [folder.name, "other"]))
    assert not (folder / "verdict.json").exists()


TASK = """
from bdlbench import Budget, Task
from bdlbench.data import csv
from bdlbench.likelihoods import Gaussian

TASK = Task("line", csv("line.csv", target="y"), "mlp-2", Budget(epochs=2, draws=2),
            likelihood=Gaussian(0.5))
"""
MODEL = """
from dataclasses import dataclass
from torch import nn
from bdlbench import register

@register("bent")
@dataclass(frozen=True)
class Bent:
    width: int = 4

    def build(self, input_shape, outputs):
        return nn.Sequential(nn.Linear(*input_shape, self.width), nn.Tanh(),
                             nn.Linear(self.width, outputs))
"""


@pytest.fixture
def own(compare: Compare, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Run with a task and a model from files; return the run's folder."""
    x = np.linspace(-1, 1, 40)
    np.savetxt(tmp_path / "line.csv", np.column_stack([x, x**2]), delimiter=",", header="x,y",
               comments="")  # fmt: skip
    (tmp_path / "line.py").write_text(TASK)
    (tmp_path / "bent.py").write_text(MODEL)
    monkeypatch.chdir(tmp_path)
    compare(["sgd:batch_size=8"], "results", task="./line.py", model="./bent.py:width=5", epochs=2)
    (folder,) = (tmp_path / "results" / "runs").iterdir()
    return folder


def repeated(folder: Path, **files: str) -> verify.Verdict:
    (verdict,) = verify.verify(folder.parents[1], [folder.name], True, Files(**files))
    return verdict


def test_real_targets_of_a_task_and_a_model_from_files_are_repeated(own: Path) -> None:
    found = repeated(own, task="./line.py", model="./bent.py")
    assert str(found) == f"{own.name} holds; repeated: identical"
    elsewhere(own)
    record = store.read(own)
    sets = store.read_predictions(own, record)
    moved = replace(sets["test"], location=sets["test"].location + np.float32(1e-4))
    store.write(own.parents[1], replace(record, metrics=score({"test": moved})), {"test": moved})
    found = repeated(own, task="./line.py", model="./bent.py")
    assert str(found) == f"{own.name} holds; repeated: within the seed spread"


def test_files_that_are_missing_or_edited_are_named(own: Path) -> None:
    expected = "no task 'line' is installed; give its file, --task FILE.py"
    assert repeated(own).reason == expected
    expected = "no model 'bent' is installed; give its file, --model FILE.py"
    assert repeated(own, task="./line.py").reason == expected
    found = repeated(own, task="./line.py", model="./bent.py:width=6")
    assert found.reason == "expected model bent:width=5, got bent:width=6"
    Path("bent.py").write_text(MODEL.replace("Tanh", "ReLU"))
    found = repeated(own, task="./line.py", model="./bent.py")
    assert found.reason.startswith("the model file has changed since, and gives different")
