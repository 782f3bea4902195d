"""References: computing, resuming, storing and loading them."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bdlbench.commands.main import main
from bdlbench.data import origins
from bdlbench.data.scaler import Scaler
from bdlbench.errors import BdlbenchError, DataMissing, Diverged, RecordError
from bdlbench.hamiltonian.kernels import State
from bdlbench.posterior.models import build
from bdlbench.records import quantization
from bdlbench.records.predictions import Predictions
from bdlbench.records.quantization import PRECISION
from bdlbench.reference import gate, reference
from bdlbench.reference import make as making
from bdlbench.reference.chains import Chains, Length
from bdlbench.reference.predictive import Averages
from bdlbench.runs import built_in_tasks, evaluate, task_data, tasks
from bdlbench.runs.task import Task
from bdlbench.storage import published
from tests.processes import WAIT

TINY = replace(tasks.get("digits"), name="tiny", model="softmax", ood=(), train_size=60)
LENGTH = Length(chains=5, samples=30, warm_up=10, seed=3)
# Runs in a separate process and kills it after 25 iterations, 20 of which are in the checkpoint.
SCRIPT = """
import os, signal, sys
from bdlbench.reference import make
from bdlbench.runs import built_in_tasks
from bdlbench.reference.chains import Chains
from tests.reference.test_reference import LENGTH, TINY

original = Chains.iterate

def iterate(chains):
    if chains.done == 25:
        os.kill(os.getpid(), signal.SIGKILL)
    original(chains)

Chains.iterate = iterate
built_in_tasks.TASKS["tiny"] = TINY
make.make("tiny", LENGTH, device="cpu", results=sys.argv[1])
"""


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> Task:
    monkeypatch.setitem(built_in_tasks.TASKS, "tiny", TINY)
    return TINY


def make(results: Path, length: Length = LENGTH) -> reference.Reference:
    return making.make("tiny", length, device="cpu", results=results)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compute a reference without interruption, and return the results."""
    results = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(built_in_tasks.TASKS, "tiny", TINY)
        make(results)
    return results


def file_of(results: Path) -> Path:
    """Return the path of the only reference."""
    (path,) = (results / "references").glob("tiny-*.json")
    return path


def arrays(results: Path) -> bytes:
    return file_of(results).with_suffix(".npz").read_bytes()


def checkpoints(results: Path) -> list[Path]:
    return list((results / "references").glob(".tiny-*.checkpoint.npz"))


def iterations(results: Path) -> int:
    for path in checkpoints(results):
        with np.load(path) as archive:
            return int(archive["counts"][0])
    return 0


@pytest.mark.slow
def test_a_killed_process_is_resumed_bitwise_identically(whole: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    finished = subprocess.run(command, cwd=Path(__file__).parents[2], timeout=WAIT)
    assert finished.returncode == -signal.SIGKILL
    assert iterations(tmp_path) == 20
    assert not list((tmp_path / "references").glob("tiny-*.json"))
    made = make(tmp_path)
    assert arrays(tmp_path) == arrays(whole)
    same = reference.load("tiny", whole, converged=False)
    assert made.facts.diagnostics == same.facts.diagnostics
    assert not checkpoints(tmp_path)


def test_ctrl_c_keeps_the_checkpoint_and_says_how_to_continue(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Chains.iterate

    def iterate(chains: Chains) -> None:
        if chains.done == 25:
            raise KeyboardInterrupt
        original(chains)

    with monkeypatch.context() as patch:
        patch.setattr(Chains, "iterate", iterate)
        message = "^20 of 40 iterations are stored; run the same command to continue$"
        with pytest.raises(KeyboardInterrupt, match=message):
            make(tmp_path)
    assert iterations(tmp_path) == 20
    make(tmp_path)
    assert arrays(tmp_path) == arrays(whole)


def test_a_stored_reference_is_reused_only_for_the_same_length(
    whole: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    before = arrays(whole)
    with monkeypatch.context() as patch:
        patch.setattr(Chains, "iterate", lambda chains: pytest.fail("it was recomputed"))
        assert make(whole).facts.settings["samples"] == 30
    assert arrays(whole) == before
    other = make(tmp_path, Length(5, 8, 20, 4))
    assert other.facts.key != reference.load("tiny", whole, converged=False).facts.key


def test_predictions_are_the_average_over_every_iteration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Compared with predictions from the states, computed as for the runs of samplers."""
    states: list[State] = []
    original = Chains.iterate

    def iterate(chains: Chains) -> None:
        original(chains)
        states.append(chains._state)

    monkeypatch.setattr(Chains, "iterate", iterate)
    length = Length(5, 8, 4)
    made = make(tmp_path, length)
    theta = torch.tensor(np.stack([state.theta for state in states[4:]]))  # (samples, chains, dim)
    sets = task_data.evaluation_sets(TINY, "test", ())
    scaler = Scaler.fit(task_data.training_set(TINY, "test", ()))
    network, cpu = build("softmax"), torch.device("cpu")

    def average(part: torch.Tensor) -> np.ndarray:
        draws = part.reshape(-1, network.dim)
        epochs = np.arange(len(draws)).tolist()
        found = evaluate.predict(network, draws, sets, scaler, cpu, epochs=epochs)["test"]
        assert isinstance(found, Predictions)
        traces.append(found.trace)
        return found.log_probabilities

    traces: list[Any] = []
    expected = [average(theta), average(theta[:, :3]), average(theta[:, 3:])]
    found = made.sets["test"]
    assert isinstance(found, Averages)
    np.testing.assert_allclose(expected[0], found.log_probabilities, rtol=PRECISION, atol=1e-5)
    np.testing.assert_allclose(expected[1:], found.halves, rtol=PRECISION, atol=1e-5)
    by_chain = traces[0].reshape(8, 5, -1).swapaxes(0, 1)
    np.testing.assert_array_equal(quantization.shorten(made.trace.log_likelihoods), by_chain)
    energies = np.stack([state.energy for state in states[4:]], axis=1)
    np.testing.assert_array_equal(made.trace.potential, energies)
    assert (made.trace.hamiltonian > made.trace.potential).all(), "the kinetic energy is positive"
    np.testing.assert_array_equal(made.draws, theta.reshape(-1, network.dim).half())


def test_chains_start_from_the_prior_and_end_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    starts: list[np.ndarray] = []
    monkeypatch.setattr(
        Chains, "resume", lambda chains: starts.append(np.array(chains._state.theta))
    )
    make(tmp_path, Length(5, 4, 1))
    (theta,) = starts
    assert theta.shape == (5, 7850)
    np.testing.assert_allclose(theta.std(1), TINY.prior_std, rtol=0.05)
    assert np.abs(np.corrcoef(theta) - np.eye(5)).max() < 0.06


def test_the_facts_of_a_reference(whole: Path) -> None:
    made = reference.load("tiny", whole, converged=False)
    facts = made.facts
    assert (facts.task, facts.model, facts.prior_std) == ("tiny", "softmax", 0.1**0.5)
    assert facts.settings["chains"] == 5
    assert facts.settings["trajectory_length"] == pytest.approx(np.pi / 2 * 0.1**0.5)
    assert facts.data.keys() == {"train", "test"}
    # At least the leapfrog steps of the trajectories after warm-up are counted.
    least = 5 * 30 * facts.settings["trajectory_length"] / facts.diagnostics["step_size"]
    assert least < facts.diagnostics["gradients"] < 4 * least
    assert facts.converged == all(facts.verdicts.values())
    assert made.draws.shape == (40, 7850)


def test_a_reference_that_failed_the_gate_is_refused(whole: Path) -> None:
    failed = reference.load("tiny", whole, converged=False).facts.verdicts
    assert not failed["ess_of_u_above_400"]
    message = "the reference of tiny has not converged: .*not ess_of_u_above_400"
    with pytest.raises(RecordError, match=message):
        reference.load("tiny", whole)


def test_a_missing_reference_is_made_by_a_command_that_can_be_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    text = "from bdlbench import Budget, Task\nTASK = Task('own', 'wine', 'mlp-20', Budget(1, 2))"
    (folder / "own.py").write_text(text)
    for task, model, expected in (
        ("digits", "mlp-50", "bdlbench reference digits"),
        ("digits", "softmax", "bdlbench reference digits --model softmax"),
        (str(folder / "own.py"), "", "bdlbench reference ./own.py"),
        ("own.py", f"{folder}/net.py:a=3", "bdlbench reference ./own.py --model ./net.py:a=3"),
        ("own", "mlp-20", "bdlbench reference TASK.py"),
        (f"own@{'0' * 64}", "", "bdlbench.reference.make.make(task)"),
        (TINY, "softmax", "bdlbench.reference.make.make(task)"),
    ):  # fmt: skip
        assert reference.command(task, model) == expected
    (tmp_path / "own.py").write_text(text)
    there = str(tmp_path / "own.py")
    assert reference.command(there, "") == f"bdlbench reference {there}"


def test_a_missing_or_corrupt_reference_is_one_line(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="`bdlbench reference tiny` computes one"):
        reference.load("tiny", tmp_path)
    target = tmp_path / "references"
    target.mkdir()
    made = file_of(whole)
    for suffix, content in (
        (".json", made.read_bytes()),
        (".npz", arrays(whole)[:-1]),
        (".json", b"{}"),
    ):
        (target / made.name).with_suffix(suffix).write_bytes(content)
        with pytest.raises(RecordError, match=r"\.(json|npz): cannot be read .*; .*delete it"):
            reference.load("tiny", tmp_path)


def test_the_results_take_precedence_over_published_references(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published, "published", lambda file: [whole / file])
    found = reference.load("tiny", tmp_path, converged=False)
    assert found.facts.settings["samples"] == 30
    own = make(tmp_path, Length(5, 8, 20, 4))
    found = reference.load("tiny", tmp_path, converged=False)
    assert found.facts.key == own.facts.key
    assert found.facts.settings["samples"] == 8


def test_a_corrupt_checkpoint_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Chains.save

    def save(chains: Chains) -> None:
        original(chains)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Chains, "save", save)
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path)
    (path,) = checkpoints(tmp_path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(RecordError, match=r"checkpoint\.npz: cannot be read \(.*\); delete it$"):
        make(tmp_path)


def test_diverging_chains_are_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    original = Chains.resume

    def spoil(chains: Chains) -> None:
        original(chains)
        chains._state = chains._state._replace(energy=chains._state.energy * np.nan)

    monkeypatch.setattr(Chains, "resume", spoil)
    with pytest.raises(Diverged, match="U is not finite after 0 iterations"):
        make(tmp_path)


@pytest.mark.parametrize(
    ("option", "value"), [("chains", 1), ("samples", 3), ("warm_up", 0), ("seed", -1)]
)
def test_too_short_chains_are_refused(option: str, value: int) -> None:
    with pytest.raises(BdlbenchError, match=rf"expected --{option.replace('_', '-')} >= "):
        Length(**{option: value})


@pytest.mark.parametrize("task", ["digits", "mnist-1k"])
def test_published_references_have_passed_the_gate_and_are_small(task: str, tmp_path: Path) -> None:
    found = reference.load(task, tmp_path)
    assert found.facts.model == "mlp-50"
    assert found.facts.prior_std == tasks.get(task).prior_std
    assert all(gate.verdicts(gate.diagnose(found.trace)).values())
    assert found.sets.keys() == {"test", *tasks.get(task).ood_names}
    file = Path(reference.file_of(task, found.facts.data)).with_suffix(".npz")
    (path,) = [p for p in published.published(str(file)) if p.exists()]
    assert path.stat().st_size < 10e6


def test_the_published_reference_of_all_of_mnist_has_passed_the_gate(tmp_path: Path) -> None:
    found = reference.load("mnist", tmp_path, data=origins.USUAL["mnist"], model="softmax")
    assert (found.facts.model, found.facts.mass) == ("softmax", "laplace")
    assert found.facts.prior_std == tasks.get("mnist").prior_std
    assert all(gate.verdicts(gate.diagnose(found.trace)).values())
    assert found.sets.keys() == {"test", *tasks.get("mnist").ood_names}
    assert found.draws.shape == (40, 7850)


def test_the_reference_of_mnist_1k_loads_without_its_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(*rest: object) -> dict[str, str]:
        raise DataMissing("no MNIST")

    monkeypatch.setattr(task_data, "fingerprints", missing)
    found = reference.load("mnist-1k", tmp_path).facts.data
    assert found == origins.USUAL["mnist-1k"]
    with pytest.raises(DataMissing):
        reference.load("digits", tmp_path)


def test_references_on_different_data_coexist(whole: Path, tmp_path: Path) -> None:
    shutil.copytree(whole / "references", tmp_path / "references")
    mine = reference.load("tiny", tmp_path, converged=False)
    other = {**mine.facts.data, "train": "0" * 64}
    with pytest.raises(
        RecordError, match="no reference posterior of tiny for training data 000000000000 and"
    ):
        reference.load("tiny", tmp_path, converged=False, data=other)
    reference.write(tmp_path, replace(mine, facts=replace(mine.facts, data=other, key="other")))
    assert reference.load("tiny", tmp_path, False, other).facts.key == "other"
    assert reference.load("tiny", tmp_path, False).facts.key == mine.facts.key


def test_the_command_prints_the_verdicts_and_fails_if_any_is_false(
    whole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls: list[Any] = []
    made = reference.load("tiny", whole, converged=False)

    def fake(task: str, length: Length, **options: Any) -> reference.Reference:
        calls.append((task, length, options["results"], options["mass"]))
        return made

    monkeypatch.setattr(making, "make", fake)
    command = "bdlbench reference tiny --chains 5 --samples 30 --warm-up 10 --mass laplace"
    command += " --results there"
    monkeypatch.setattr(sys, "argv", command.split())
    with pytest.raises(SystemExit, match="2"):
        main()
    assert calls == [("tiny", Length(5, 30, 10), Path("there"), "laplace")]
    out, err = capsys.readouterr()
    assert "FAIL                           ess_of_u_above_400" in out
    assert f"{made.facts.diagnostics['ess_of_u']:.6g}" in out
    assert err == "error: the reference of tiny has not converged; it is stored, but not used\n"
    made = replace(made, facts=replace(made.facts, converged=True))
    main()
