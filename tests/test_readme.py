"""README's commands and code run unchanged, and its test command is that of CI."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from bdlbench.comparison.compare import compare
from tests import commandline

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def blocks(marker: str) -> list[str]:
    found = re.findall(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found, f"README.md has no block marked {marker}"
    return list(found)


def block(marker: str) -> str:
    (found,) = blocks(marker)
    return found


def test_the_sampler_of_the_readme_equals_sgld(tmp_path: Path) -> None:
    source = block("sampler")
    statements = [line for line in source.splitlines() if line.strip()]
    assert len(statements) <= 20, "README promises 20 lines"
    path = tmp_path / "langevin.py"
    path.write_text(source, "utf-8")
    comparison = compare(
        ["sgld:step_size=1e-4,batch_size=32", f"{path}"],
        task="digits",
        epochs=10,
        seeds=1,
        jobs=1,
        results=tmp_path / "results",
    )
    shipped, ours = comparison.rows
    assert ours.outcomes == {"completed": 1}
    # The same update with the same random numbers as SGLD.
    assert ours.metrics["accuracy"].mean == pytest.approx(shipped.metrics["accuracy"].mean)


@pytest.mark.slow  # every command of README, in one folder of results
def test_every_block_runs_in_a_clone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands share one process, which has imported torch already."""
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    monkeypatch.chdir(clone)
    monkeypatch.delenv("BDLBENCH_DATA", raising=False)
    (clone / "langevin.py").write_text(block("sampler"), "utf-8")

    def bdlbench(arguments: str) -> str:
        ended = commandline.run(arguments, monkeypatch, capsys)
        assert not ended.code, ended.err
        return ended.out

    first = block("compare command").strip().rpartition("bdlbench ")[2]
    # Of the 10 published runs of each, every choice of 6 seeds shows what README says.
    printed = bdlbench(f"{first} --task digits --seeds 6")
    verdicts = [line for line in block("screen").splitlines() if re.match("sgld.*: ", line)]
    assert "detects letters better than sgd" in "".join(verdicts)
    for line in verdicts:
        assert line.partition(": ")[0] in printed, "run python docs/screen.py and commit"
    for line in [line for part in blocks("commands") for line in part.strip().splitlines()]:
        for command in line.partition("#")[0].split("&&"):
            bdlbench(command.strip().removeprefix("bdlbench "))
    exec(compile(block("python"), "README.md", "exec"), {"__name__": "__main__"})

    written = subprocess.run(
        ["git", "status", "--porcelain"], capture_output=True, text=True, check=True
    ).stdout
    assert set(written.split()) == {"??", "compare.png", "langevin.py", "my_task.py", "site/"}


def test_the_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert block("test command").strip().endswith("-m pytest")
    assert "test command" in (ROOT / ".ci" / "run").read_text("utf-8")


def test_every_plugin_file_is_an_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for kind in ("samplers", "datasets"):
        points = project["entry-points"][f"bdlbench.{kind}"].values()
        modules = {value.partition(":")[0] for value in points}
        files = {f"bdlbench_{kind}.{path.stem}" for path in (ROOT / kind).glob("*.py")}
        assert modules == files
        assert not list((ROOT / kind).glob("*/*.py")), "the wheel omits sub-folders"
