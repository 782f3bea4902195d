"""Grid files: their runs, estimated cost, execution and extension."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bdlbench.commands import main, many_runs
from bdlbench.comparison import grid

Run = Callable[..., tuple[int, str, str]]
RANGE = "[samplers.sgd]\nmomentum = {{low = {}}}"
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
        ("tasks = [", "expected a grid in TOML (Invalid value"),
        ("", "expected samplers, each a table of hyperparameters: [samplers.sgld]"),
        ('samplers = ["sgd"]', "expected samplers, each a table of hyperparameters"),
        ("[samplers]", "expected samplers, each a table of hyperparameters"),
        ("[samplers]\nsgd = 3", "expected [samplers.sgd] to be a table of hyperparameters"),
        ("samplers.sgd = []", "expected [samplers.sgd] to be a table of hyperparameters"),
        ("task = 'digits'\n[samplers.sgd]", "no key 'task'; did you mean tasks? (available: tasks"),
        ("tasks = 'digits'", 'tasks: expected a list, such as tasks = ["digits"]'),
        ("tasks = ['mnits']", "no task 'mnits'; did you mean mnist? (see `bdlbench list tasks`)"),
        ("tasks = [1]", "tasks: expected names, got 1"),
        ("models = ['lenet']", "no model 'lenet' (available: softmax, "),
        ("epochs = []", "epochs: expected a list, such as epochs = [30, 100]"),
        ("epochs = [0]", "epochs: expected a number > 0, got 0"),
        ("epochs = [inf]", "epochs: expected a number > 0 up to 1e9, got inf"),
        ("epochs = [true]", "epochs: expected a number > 0, got True"),
        ("draws = [0]", "draws: expected a positive integer, got 0"),
        ("draws = [1.5]", "draws: expected a positive integer, got 1.5"),
        ("seeds = 'five'", 'seeds: expected a positive integer or a list of integers, got "five"'),
        ("seeds = 0", "seeds: expected a positive integer or a list of integers, got 0"),
        ("seeds = []", "seeds: expected a positive integer or a list of integers, each once, got"),
        ("seeds = [1, 1]", "seeds: expected a positive integer or a list of integers, each once"),
        ("seeds = [-1]", "seeds: expected an integer of at least 0, got -1"),
        ("split = 'train'", 'split: expected test or validation, got "train"'),
        ("[samplers.sgdl]", "no sampler 'sgdl'; did you mean sgd?"),
        ("[samplers.'./gone.py']", "gone.py: no such file; give the path of a plugin file or a"),
        ("[samplers.sgd]\nmomentun = 0", "sgd: no setting 'momentun'; did you mean momentum?"),
        ("[samplers.sgd]\nmomentum = 'x'", "sgd: momentum: expected a number, got 'x'"),
        ("[samplers.sgd]\nmomentum = [0, 2]", "sgd: expected momentum from 0 to 0.999, got 2.0"),
        ("[samplers.sgd]\nmomentum = []", "sgd: momentum: expected a value, a list or a range, g"),
        ("[samplers.sgd]\nmomentum = [0, 0]", "sgd:momentum=0 is given twice; give it once"),
        ("[samplers.sgd]\nmomentum = {low = 0}", "sgd: momentum: expected a range such as {low"),
        (RANGE.format("1, high = 0, steps = 2"), "expected low < high, got 1 and 0"),
        (
            RANGE.format("0, high = 0.9, steps = 2, log = true"),
            "expected 0 < low < high, since",
        ),
        (RANGE.format("0, high = nan, steps = 2"), "expected low and high to be numbers, got nan"),
        (RANGE.format("'a', high = 1, steps = 2"), 'expected low and high to be numbers, got "a"'),
        (RANGE.format("0, high = 0.9, steps = 1"), "steps: expected an integer of at least 2, got"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_file(run: Run, text: str, message: str) -> None:
    """With --dry-run, too; before data are decoded or anything is written."""
    Path("grid.toml").write_text(
        text if "samplers" in text or not text else f"{text}\n[samplers.sgd]"
    )
    code, out, err = run("grid", "grid.toml", "--dry-run")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: grid.toml: ")
    assert message in err
    assert len(err) <= len("error: ") + 130
    assert [path.name for path in Path().iterdir()] == ["grid.toml"]


def test_a_range_of_an_integer_has_integers(tmp_path: Path) -> None:
    steps = "batch_size = {low = 16, high = 128, steps = 4, log = true}"
    assert parse(tmp_path, f"[samplers.sgd]\n{steps}").samplers == (
        *("sgd:batch_size=16", "sgd:batch_size=32", "sgd:batch_size=64", "sgd:batch_size=128"),
    )


@pytest.mark.slow
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


def test_the_grid_in_the_help_is_complete(tmp_path: Path) -> None:
    example = many_runs.GRID.partition(":\n")[2]
    found = parse(tmp_path, example)
    assert (found.samplers[0], len(found.samplers), found.seeds) == ("sgd", 1 + 2 * 5, 3)
