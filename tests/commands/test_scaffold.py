"""`bdlbench new` writes a plugin that passes the checks, or explains why it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bdlbench import registry
from bdlbench.checks import Subject, run_checks
from bdlbench.commands import main, scaffold
from bdlbench.comparison.compare import compare
from bdlbench.errors import PluginError
from bdlbench.problem import Budget
from bdlbench.records import store
from bdlbench.runs.task import Task
from bdlbench.settings import parse


def new(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["bdlbench", "new", *arguments])
    try:
        main.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def test_the_template_passes_the_quick_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert new(monkeypatch, "my-sampler") == 0
    assert "bdlbench check ./my_sampler.py" in capsys.readouterr().out
    plugin = registry.load("samplers", "./my_sampler.py")
    assert (vars(plugin)["plugin_name"], plugin.__name__) == ("my-sampler", "MySampler")
    results = list(run_checks(Subject(parse("./my_sampler.py")), quick=True))
    assert {result.verdict for result in results} == {"pass"}, results


@pytest.mark.parametrize(
    ("kind", "name"),
    [("sampler", "sghmc2"), ("sampler", "a"), ("sampler", "x-1-y"), ("task", "my-task"),
     ("model", "my-net"), ("dataset", "my-data"), ("metric", "my-metric")],
)  # fmt: skip
def test_a_template_is_short_formatted_and_has_no_placeholders(
    tmp_path: Path, kind: str, name: str
) -> None:
    path, attempt = scaffold.write(kind, name, tmp_path)
    assert path.name in attempt
    text = path.read_text("utf-8")
    assert 25 <= text.count("\n") <= 50
    for placeholder in ("NAME", "CLASS", "TITLE", "FILE"):
        assert placeholder not in text
    for arguments in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *arguments, "--line-length", "100", str(path)]
        done = subprocess.run(ruff, capture_output=True, text=True, check=False)
        if "No module named ruff" in done.stderr:
            pytest.skip("ruff is not installed")
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_templates_run_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    kinds = ("sampler", "task", "model", "dataset", "metric")
    files = {kind: scaffold.write(kind, f"my-{kind}", Path())[0] for kind in kinds}
    options: dict[str, Any] = {"epochs": 2, "draws": 2, "seeds": 1, "results": "results", "jobs": 1}
    found = compare([files["sampler"], "sgd"], task=files["task"], **options)
    assert [row.outcomes for row in found.rows] == [{"completed": 1}] * 2
    task = Task("clouds", "./my_dataset.py:spread=0.5", "./my_model.py:width=5", Budget(2, 2))
    metric = "./my_metric.py:threshold=0.5"
    found = compare("sgd:batch_size=10", task=task, metrics=[metric], **options)
    (row,) = found.rows
    assert (row.outcomes, found.setup.model) == ({"completed": 1}, "my-model:width=5")
    sets = store.read_predictions(
        Path("results") / "runs" / row.runs[0], store.find(Path("results"), row.runs[0])
    )
    contributions = registry.create("metrics", parse(metric)).contributions(sets["test"])
    assert contributions.shape == (200,)
    assert row.metrics["my-metric"].mean == pytest.approx(contributions.mean())
    assert "confidently" in str(found)


@pytest.mark.parametrize("name", ["My-Sampler", "1st", "", "a b", "../up", "x" * 41, "my_sampler"])
def test_an_invalid_name_is_rejected_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert new(monkeypatch, name) == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"error: expected a name such as my-sampler, got {name!r}\n")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("sgld", "a sampler"),
        ("class", "a word of Python or of the template"),
        ("problem", "a word of Python or of the template"),
        ("torch", "a Python package, which the file would hide"),
    ],
)
def test_a_name_that_is_taken_is_rejected_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    name: str, owner: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert new(monkeypatch, name) == 2
    said = f"error: {name} is the name of {owner}; try bdlbench new sampler my-{name}\n"
    assert capsys.readouterr() == ("", said)
    assert not list(tmp_path.iterdir())
    assert new(monkeypatch, f"my-{name}") == 0


@pytest.mark.parametrize(("kind", "name"), [("task", "digits"), ("metric", "rmse")])
def test_the_name_of_what_is_built_in_is_rejected(tmp_path: Path, kind: str, name: str) -> None:
    with pytest.raises(PluginError, match=f"{name} is the name of a {kind}; try bdlbench new"):
        scaffold.write(kind, name, tmp_path)


def test_an_existing_file_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("keep")
    assert new(monkeypatch, "mine") == 2
    assert capsys.readouterr().err == (
        "error: cannot write mine.py: File exists; choose another name\n"
    )
    assert (tmp_path / "mine.py").read_text() == "keep"


def test_a_missing_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"cannot write .*gone/mine\.py: No such file"):
        scaffold.write("sampler", "mine", tmp_path / "gone")


def test_an_unknown_kind_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="nothing to write as 'optimizer'"):
        scaffold.write("optimizer", "mine", tmp_path)
