"""README's sampler runs unchanged, and its test command is that of CI."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bdlbench.comparison.compare import compare

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")


def block(marker: str) -> str:
    match = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert match is not None, f"README.md has no block marked {marker}"
    return match[1]


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
