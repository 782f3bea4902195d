"""The command line: errors are one line, and standard output holds only results."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from bdlbench import plugin_errors
from bdlbench.commands import main
from bdlbench.errors import BdlbenchError
from bdlbench.execution import worker
from bdlbench.records import store
from tests.processes import WAIT

Write = Callable[..., str]
Run = Callable[..., tuple[int, str, str]]
QUICK = "yield problem.init(rng)"
SMALL = ("--task", "digits", "--model", "softmax", "--epochs", "3", "--seeds", "1", "--jobs", "1")


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    loaded_once: None,
) -> Run:  # fmt: skip
    """Call the command in this process, in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BDLBENCH_DATA", raising=False)
    monkeypatch.setenv(plugin_errors.VARIABLE, "")  # which --debug sets

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["bdlbench", *arguments])
        capsys.readouterr()
        try:
            main.main()
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        return code, *capsys.readouterr()

    return call


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bdlbench", *arguments],
        capture_output=True, text=True, timeout=WAIT, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("nope", "No such command 'nope'."),
        ("--nope", "No such option: --nope"),
        ("compare", "Missing argument"),
        ("compare sgd --nope", "No such option: --nope"),
        ("compare sgldd", "no sampler 'sgldd'; did you mean sgld? (see `bdlb"),
        (
            "compare sgd --task mnits",
            "no task 'mnits'; did you mean mnist? (see `bdlbench list tasks`)",
        ),
        ("compare sgd --task digits --model mlp", "no model 'mlp' (available: softmax, mlp-<hidd"),
        ("compare sgd:rate=1", "sgd: no setting 'rate' (available: learning_rate"),
        ("compare sgd:momentun=0.9", "sgd: no setting 'momentun'; did you mean momentum?"),
        ("compare sgd:batch_size=many", "sgd: batch_size: expected an integer, got 'many'"),
        ("compare sgd:batch_size=2.5", "sgd: batch_size: expected an integer, got '2.5'"),
        ("compare sgld:step_size=nan", "sgld: step_size: expected a finite number, got 'nan'"),
        ("compare sgld:step_size=-1", "sgld: expected step_size > 0, got -1.0"),
        ("compare sgd:momentum=2", "sgd: expected momentum from 0 to 0.999, got 2.0"),
        ("compare sgd:momentum", "sgd:momentum: expected setting=value, got 'momentum'"),
        ("compare sgd sgd --task digits", "sgd is the same as sgd; name each sampler once"),
        ("compare sgd --format xml", "expected --format table, markdown, csv, json, got 'xml'"),
        ("compare sgd --task digits --device tpu", "expected --device auto, cpu, cuda, got 'tpu'"),
        ("compare sgd --task digits --split train", "expected --split test or validation, got"),
        ("compare sgd --seeds 0", "seeds: expected a positive integer or a list of"),
        ("compare sgd --seeds -3", "list of integers, got -3"),
        ("compare sgd --seeds x", "Invalid value for '--seeds': "),
        ("compare sgd --jobs 0", "jobs: expected a positive integer, got 0"),
        ("compare sgd --task digits --epochs 0", "epochs: expected a number > 0, got 0.0"),
        ("compare sgd --task digits --epochs nan", "epochs: expected a number > 0, got nan"),
        ("compare sgd --task digits --epochs inf", "epochs: expected a number > 0 up to 1e9,"),
        ("compare sgd --task mnist --data-dir gone", "expected --data-dir to name a folder, got g"),
        ("compare sgd --task digits --data-dir gone", "expected --data-dir to name a folder, got"),
        ("compare ./gone.py", "gone.py: no such file; give the path of a plugin file or a name"),
        ("compare ./syntax.py", "syntax.py: cannot be loaded, line 2: SyntaxError: "),
        (
            "compare ./empty.py",
            "empty.py: expected one sampler, a class under @regis",
        ),
        ("compare ./raises.py", "raises.py: cannot be loaded, line 1: ZeroDivisionError: "),
        ("list nope", "nothing to list as 'nope' (available: samplers, datasets, "),
        ("show", "Missing argument 'RUN'"),
        (
            "show gone",
            "expected one run in bdlbench-results/runs that begins with 'gone', got",
        ),
        ("show newer", "expected a record of schema 2, got 99; upgrade bdlbench"),
        ("show corrupt", "delete its folder and run again"),
    ],
)
def test_an_error_is_one_line_with_exit_code_2(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, message: str
) -> None:
    (tmp_path / "syntax.py").write_text("import os\nclass :\n")
    (tmp_path / "empty.py").write_text("x = 1\n")
    (tmp_path / "raises.py").write_text("x = 1 / 0\n")
    for name, content in (("newer", '{"schema": 99}'), ("corrupt", '{"schema"')):
        folder = store.folder_of(tmp_path / "bdlbench-results", name)
        folder.mkdir(parents=True)
        (folder / "record.json").write_text(content)
    monkeypatch.setattr(worker, "obtain", lambda *job: pytest.fail("a run was started"))
    code, out, err = run(*arguments.split())
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_without_a_command_the_help_is_printed(run: Run) -> None:
    code, out, err = run()
    assert code == 2
    assert "compare" in out
    assert err == "error: expected a command; see the list above\n"


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu_is_an_error(run: Run) -> None:
    code, _, err = run("compare", "sgd", "--task", "digits", "--device", "cuda")
    assert (code, err.count("\n")) == (2, 1)
    assert err.startswith("error: torch finds no GPU; use --device cpu")


@pytest.mark.parametrize(
    ("body", "mark", "reason"),
    [
        (
            "yield problem.init(rng)\nraise OSError('half-way')",
            "plugin error",
            "mine.py:18: OSError: half-way",
        ),
        ("yield problem.init(rng) / 0", "diverged", "θ is not finite; lower its step size"),
    ],
)
def test_a_failed_sampler_stays_in_the_table(
    run: Run, write_sampler: Write, body: str, mark: str, reason: str
) -> None:
    for style in ("table", "markdown", "json"):
        code, out, err = run(
            "compare", "sgd", write_sampler(body), *SMALL, "--quiet", "--format", style
        )
        assert code == 2
        assert err == f"error: some runs failed: mine: {mark} in 1 of 1 runs: {reason}\n"
        if style == "json":
            assert [row["outcomes"] for row in json.loads(out)["rows"]] == [
                {"completed": 1},
                {mark: 1},
            ]
        else:
            assert f"mine [{mark}]" in out


def test_debug_prints_the_traceback(run: Run) -> None:
    with pytest.raises(BdlbenchError, match="no sampler 'nope'"):
        run("compare", "nope", "--debug")


def test_standard_output_is_one_document_even_if_plugins_print(
    write_sampler: Write, tmp_path: Path
) -> None:
    path = Path(write_sampler("import os; print('sampling'); os.write(1, b'native')\n" + QUICK))
    path.write_text("print('imported')\n" + path.read_text())
    finished = command(
        "compare", str(path), *SMALL, "--format", "json", "--results", str(tmp_path / "results")
    )
    assert finished.returncode == 0
    assert json.loads(finished.stdout)["rows"][0]["outcomes"] == {"completed": 1}
    for word in ("imported", "sampling", "native"):
        assert word in finished.stderr
    assert "completed in" in finished.stderr, "progress is logged if there is no terminal"


def test_quiet_prints_no_progress_and_formats_agree(run: Run, write_sampler: Write) -> None:
    path = write_sampler(QUICK)
    answers = {}
    for style in ("json", "csv", "markdown", "table"):
        code, answers[style], err = run("compare", path, *SMALL, "--quiet", "--format", style)
        assert (code, err) == (0, "")
    accuracy = json.loads(answers["json"])["rows"][0]["metrics"]["accuracy"]["mean"]
    (row,) = csv.DictReader(io.StringIO(answers["csv"]))
    assert float(row["accuracy"]) == accuracy
    assert f"{accuracy:.4f}" in answers["markdown"]
    assert f"{accuracy:.3f}" in answers["table"]
    assert "mine *" in answers["markdown"], "reused runs are marked"
    assert "1 of 1 runs were stored already" in answers["table"]


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ([], ["sgd", "sgld", "learning_rate=0.1", "Stochastic gradient Langevin dynamics"]),
        (["samplers"], ["sgd", "sgld", "step_size=3e-06|step_size=3e-6"]),
        (["datasets"], ["digits", "letters", "mnist", "mnist-letters", "notmnist"]),
        (["models"], ["softmax", "mlp-<hidden>", "lenet5"]),
        (["tasks"], ["digits", "mnist-1k", "against letters", "mlp-400-400"]),
    ],
)
def test_list_prints_all_names(run: Run, what: list[str], expected: list[str]) -> None:
    code, out, err = run("list", *what)
    assert (code, err) == (0, "")
    for words in expected:
        assert any(word in out for word in words.split("|"))


def test_show_finds_a_run_by_name_prefix_and_folder(run: Run, write_sampler: Write) -> None:
    run("compare", write_sampler(QUICK), *SMALL, "--quiet")
    (folder,) = Path("bdlbench-results/runs").iterdir()
    texts = {run("show", name) for name in (folder.name, folder.name[:-3], "digits", str(folder))}
    ((code, out, err),) = texts
    assert (code, err) == (0, "")
    shown = dict(line.split(maxsplit=1) for line in out.splitlines() if " " in line.strip())
    assert shown["run"] == folder.name
    assert shown["outcome"] == "completed"
    assert float(shown["metrics.accuracy"]) == store.read(folder).metrics["accuracy"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("--help", "compare"), ("compare --help", "--seeds"), ("list", "sgld")],
)
def test_light_commands_import_no_heavy_modules(arguments: str, expected: str) -> None:
    """This keeps them fast; `python -m benchmarks --only start-up` measures their time."""
    script = """
import sys
try:
    import bdlbench.__main__
finally:
    print(*sys.modules, file=sys.stderr)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script, *arguments.split()],
        capture_output=True, text=True, check=True, timeout=WAIT,
    )  # fmt: skip
    assert expected in ended.stdout
    modules = set(ended.stderr.split())
    assert "typer" in modules
    heavy = {"jax", "joblib", "matplotlib", "numba", "numpy", "pandas", "scipy", "sklearn", "torch"}
    assert not heavy & modules


def test_ctrl_c_has_exit_code_130(tmp_path: Path) -> None:
    plugin = tmp_path / "late.py"  # interrupted inside exec(), which many modules use
    plugin.write_text("exec('raise KeyboardInterrupt')")
    ended = command("check", str(plugin))
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "interrupted\n")


def test_the_module_is_the_command(tmp_path: Path) -> None:
    assert "Stochastic gradient Langevin dynamics" in command("list").stdout
    failed = command("show", "nope", "--results", str(tmp_path), "--debug")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "Traceback" in failed.stderr
    assert "RecordError: expected one run in" in failed.stderr
