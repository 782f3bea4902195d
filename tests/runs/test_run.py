"""One run: its outcomes, its access to data, and its reproducibility."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bdlbench.data.examples import Examples
from bdlbench.errors import DataError
from bdlbench.execution import pool
from bdlbench.execution.pool import ExecutionOptions
from bdlbench.records import store
from bdlbench.records.record import Record
from bdlbench.runs import plan, task_data
from bdlbench.runs.job import Job
from bdlbench.runs.run import execute
from bdlbench.settings import parse

Write = Callable[..., str]


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def make_job(reference: str, results: Path, seed: int = 0, epochs: float = 3) -> Job:
    setup, _ = plan.set_up("digits", "softmax", epochs, "test", None, results, "cpu")
    candidate = plan.configure_sampler(parse(reference), setup.task)
    ((job,),) = plan.jobs([candidate], setup, plan.fingerprints(setup), [seed])
    return job


def stored_runs(results: Path) -> list[str]:
    runs = results / "runs"
    return sorted(path.name for path in runs.iterdir()) if runs.exists() else []


@pytest.mark.parametrize(
    ("body", "outcome", "reason"),
    [
        ("yield problem.init(rng)", "completed", ""),
        # 3 epochs of 1,297 gradient evaluations plus 1 % are 3,929.9.
        ("problem.charge(3929); yield problem.init(rng)", "completed", ""),
        ("problem.charge(3931); yield problem.init(rng)", "over budget", "spent 3.031 epochs"),
        ("yield problem.init(rng) * float('nan')", "diverged", "θ is not finite"),
        (
            "yield problem.init(rng) - problem.gradient(problem.init(rng) * float('nan'))",
            "diverged",
            "∇U is not finite after 1 epochs",
        ),
        (
            "yield torch.full_like(problem.init(rng), 3e38)",
            "diverged",
            "the model's outputs are not finite",
        ),
        (
            "raise MemoryError('too\\n big')\nyield",
            "out of memory",
            "mine.py:17: MemoryError: too big",
        ),
        ("yield torch.empty(1 << 50)", "out of memory", "mine.py:17: RuntimeError: "),
        (
            "raise torch.OutOfMemoryError('CUDA')\nyield",
            "out of memory",
            "mine.py:17: OutOfMemoryError: CUDA",
        ),
        (
            "yield problem.init(rng)\nraise KeyError('half-way')",
            "plugin error",
            "mine.py:18: KeyError: 'half-way'",
        ),
        ("import sys; sys.exit(3)\nyield", "plugin error", "mine.py:17: SystemExit: 3"),
        (
            "raise KeyboardInterrupt\nyield",
            "plugin error",
            "mine.py:17: KeyboardInterrupt",
        ),
        ("return\nyield", "plugin error", "ValueError: expected at least one draw, got none"),
        ("return None", "plugin error", "TypeError: 'NoneType' object is not iterable"),
        (
            "while True: yield problem.init(rng)",
            "plugin error",
            "ValueError: expected at most 100 draws, got more",
        ),
        ("yield 3.0", "plugin error", "ValueError: expected draws that are tensors, got float"),
        (
            "yield problem.init(rng)[0]",
            "plugin error",
            "ValueError: expected draws of shape (1, 7850) and type torch.float32, got (7850,)",
        ),
        ("yield problem.init(rng).double()", "plugin error", "ValueError: expected draws of shape"),
        (
            "yield from (theta for _, theta in problem.steps(99, rng))",
            "plugin error",
            "mine.py:17: ValueError: expected a budget of at least 100 steps",
        ),
    ],
)
@pytest.mark.usefixtures("loaded_once", "threads")
def test_every_way_a_sampler_ends_is_a_named_outcome(
    write_sampler: Write, tmp_path: Path, body: str, outcome: str, reason: str
) -> None:
    record = execute(job := make_job(write_sampler(body), tmp_path))
    assert (record.outcome, record.reason[: len(reason)]) == (outcome, reason)
    assert "\n" not in record.reason
    completed = outcome == "completed"
    assert bool(record.reason) == (not completed)
    assert bool(record.metrics) == bool(record.predictions_sha256) == completed
    folder = store.folder_of(tmp_path, job.run)
    assert (folder / "predictions.npz").exists() == completed
    assert store.read(folder) == record
    assert torch.get_num_threads() == 2, "the number of threads is restored"


@pytest.mark.usefixtures("loaded_once", "threads")
def test_a_sampler_computes_on_one_thread_and_prints_to_standard_error(
    write_sampler: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = "print('threads', torch.get_num_threads())\nyield problem.init(rng)"
    path = Path(write_sampler(body))
    path.write_text("print('imported')\n" + path.read_text())
    job = make_job(str(path), tmp_path)
    capsys.readouterr()
    record = execute(job)
    out, err = capsys.readouterr()
    assert out == ""
    assert "imported\nthreads 1\n" in err
    assert record.environment["threads"] == 1


@pytest.mark.parametrize("changed", ["train", "test", "letters"])
@pytest.mark.usefixtures("loaded_once")
def test_data_that_changed_since_planning_are_refused(tmp_path: Path, changed: str) -> None:
    job = make_job("sgd", tmp_path)
    with pytest.raises(DataError, match=f"digits: the {changed} data changed.*; run again"):
        execute(replace(job, data={**job.data, changed: "0" * 64}))
    assert stored_runs(tmp_path) == []


@pytest.mark.parametrize("sampler", ["sgd", "sgld"])
@pytest.mark.usefixtures("loaded_once")
def test_the_global_random_state_is_untouched(tmp_path: Path, sampler: str) -> None:
    def state() -> list[str]:
        numpy = np.random.get_state()  # noqa: NPY002 -- the global state is under test
        return [str(torch.get_rng_state().tolist()), repr(random.getstate()), repr(numpy)]

    before = state()
    execute(make_job(sampler, tmp_path))
    assert state() == before


def fixed(record: Record) -> dict[str, object]:
    return {name: value for name, value in asdict(record).items() if name != "measured"}


@pytest.mark.usefixtures("loaded_once")
def test_a_seed_reproduces_a_run_alone_and_in_parallel(tmp_path: Path) -> None:
    folders = {"alone": 1, "parallel": 2}
    for folder, workers in folders.items():
        jobs = [
            make_job(name, tmp_path / folder, seed) for name in ("sgd", "sgld") for seed in (0, 1)
        ]
        pool.complete(jobs, ExecutionOptions(jobs=workers))
    checksums = set()
    for job in jobs:
        runs = [store.folder_of(tmp_path / folder, job.run) for folder in folders]
        first, second = (fixed(store.read(run)) for run in runs)
        assert second == first
        assert len({(run / "predictions.npz").read_bytes() for run in runs}) == 1
        checksums.add(first["predictions_sha256"])
    assert len(checksums) == 4, "samplers and seeds differ"


@pytest.mark.usefixtures("loaded_once")
def test_test_data_are_loaded_after_the_sampler_has_finished(
    write_sampler: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job(write_sampler("yield problem.init(rng)\nprint('finished')"), tmp_path)
    events: list[str] = []
    load = task_data.load

    def spy(split: str, name: str, folders: Sequence[Path]) -> Examples:
        events.append(f"{split} {name}")
        return load(split, name, folders)

    monkeypatch.setattr(task_data, "load", spy)
    monkeypatch.setattr("builtins.print", events.append)
    execute(job)
    assert events == ["train digits", "finished", "test digits", "test letters"]


@pytest.mark.usefixtures("loaded_once", "threads")
def test_the_epochs_used_up_to_every_draw_are_stored(write_sampler: Write, tmp_path: Path) -> None:
    body = "for _ in range(3):\n    problem.charge(problem.n // 2)\n    yield problem.init(rng)"
    record = execute(job := make_job(write_sampler(body), tmp_path))
    found = store.read_predictions(store.folder_of(tmp_path, job.run), record)
    half = 648 / 1297
    assert found["test"].epochs is not None
    assert found["test"].curve is not None
    np.testing.assert_allclose(found["test"].epochs, [half, 2 * half, 3 * half])
    assert len(found["test"].curve) == 2
    assert found["letters"].epochs is None
