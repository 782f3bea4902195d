"""Grid files: their runs, estimated cost, execution and extension."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bdlbench.commands import main
from bdlbench.comparison import grid
from bdlbench.errors import BdlbenchError

Run = Callable[..., tuple[int, str, str]]
FILE = """
tasks = ["digits"]
models = ["softmax"]
epochs = [4, 5]
seeds = 1

[samplers.sgd]

[samplers.sgld]
step_size = {low = 1e-5, high = 1e-3, steps = 3, log = true}
temperature = 0.5
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(tmp_path)
    Path("grid.toml").write_text(FILE)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bdlbench", *arguments])
        code: object = 0
        try:
            main.main()
        except SystemExit as end:
            code = end.code
        assert isinstance(code, int)
        return code, *capsys.readouterr()

    return call


def parse(tmp_path: Path, text: str) -> grid.Grid:
    path = tmp_path / "grid.toml"
    path.write_text(text)
    return grid.read(path)


def test_all_combinations_are_planned(tmp_path: Path) -> None:
    found = parse(
        tmp_path,
        """
        tasks = ["digits", "mnist"]
        epochs = [1, 2.5]
        draws = [7]
        seeds = [3, 5]
        split = "validation"
        [samplers.sgd]
        momentum = [0, 0.9]
        batch_size = [16, 32]
        [[samplers.psgld]]
        freeze = true
        [[samplers.psgld]]
        step_size = {low = 1, high = 3, steps = 2}
        """,
    )
    assert found.samplers == (
        "sgd:momentum=0,batch_size=16",
        "sgd:momentum=0,batch_size=32",
        "sgd:momentum=0.9,batch_size=16",
        "sgd:momentum=0.9,batch_size=32",
        "psgld:freeze=true",
        "psgld:step_size=1.0",
        "psgld:step_size=3.0",
    )
    assert [tuple(where.values()) for where in found.comparisons] == [
        ("digits", None, 1, 7), ("digits", None, 2.5, 7),
        ("mnist", None, 1, 7), ("mnist", None, 2.5, 7),
    ]  # fmt: skip
    assert (found.seeds, found.split) == ([3, 5], "validation")


def test_a_log_range_is_geometric(tmp_path: Path) -> None:
    steps = "step_size = {low = 1e-5, high = 1e-3, steps = 5, log = true}"
    samplers = parse(tmp_path, f"[samplers.sgld]\n{steps}").samplers
    values = [float(text.partition("=")[2]) for text in samplers]
    assert values == pytest.approx([1e-5, 3.16228e-5, 1e-4, 3.16228e-4, 1e-3])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tasks = [", "expected a grid in TOML"),
        ("", "expected samplers, each a table of hyperparameters"),
        ('samplers = ["sgd"]', "expected samplers, each a table of hyperparameters"),
        ("[samplers]\nsgd = 3", r"expected \[samplers.sgd\] to be a table"),
        ("task = 'digits'\n[samplers.sgd]", "expected only tasks, models, .*, got task"),
        ("tasks = 'digits'\n[samplers.sgd]", "to be lists, such as"),
        ("epochs = []\n[samplers.sgd]", "to be lists, such as"),
        ("[samplers.sgd]\nmomentum = {low = 0}", "expected a range such as"),
    ],
)
def test_an_invalid_file_is_rejected(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BdlbenchError, match=message):
        parse(tmp_path, text)
    with pytest.raises(BdlbenchError, match="expected a grid in TOML"):
        grid.read(tmp_path / "gone.toml")


@pytest.mark.usefixtures("loaded_once")
def test_a_grid_is_previewed_run_and_extended(run: Run) -> None:
    code, out, _ = run("grid", "grid.toml", "--dry-run")
    assert (code, out.count("unknown  ")) == (0, 8)
    assert "8 runs: 0 done, 8 left" in out
    assert not Path("bdlbench-results").exists()
    code, out, _ = run("status", "grid.toml")
    assert out.splitlines()[-1].split() == ["all", "0", "0", "0", "8"]

    assert not Path("bdlbench-results").exists()

    code, first, _ = run("grid", "grid.toml", "--format", "markdown", "--jobs", "2")
    assert (code, first.count("| sgld:step_size=")) == (0, 6)
    assert first.count("**digits · softmax · ") == 2
    code, out, _ = run("status", "grid.toml")
    assert out.splitlines()[-1].split() == ["all", "8", "0", "0", "0"]

    Path("grid.toml").write_text(FILE.replace("seeds = 1", "seeds = 2"))
    code, out, _ = run("grid", "grid.toml", "--dry-run")
    assert (code, out.count(" about ")) == (0, 8 + 1)
    assert "16 runs: 8 done, 8 left" in out
    code, out, err = run("grid", "grid.toml", "--format", "csv", "--jobs", "2")
    assert (code, err.count("completed in")) == (0, 8)


def test_duplicate_values_count_once(tmp_path: Path) -> None:
    twice = 'tasks = ["digits", "digits"]\nepochs = [3, 4, 3.0]\n[samplers.sgd]\n'
    found = parse(tmp_path, twice).comparisons
    assert [(one["task"], one["epochs"]) for one in found] == [("digits", 3), ("digits", 4)]
