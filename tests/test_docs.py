"""The code of the pages for users runs, block after block, in one empty folder for each page."""

from __future__ import annotations

import re
import runpy
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

from bdlbench import registry
from bdlbench.checks.global_state import watched
from bdlbench.posterior import models
from bdlbench.posterior.likelihoods import Categorical
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem
from tests import commandline

DOCS = Path(__file__).parents[1] / "docs"
PAGES = ("tasks", "datasets", "models", "metrics", "adapters")
BLOCK = re.compile(r"(?:<!-- (.*?) -->\n)?```(python|bash)\n(.*?)```", re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_blocks_of_a_page_run(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)  # as for a script
    monkeypatch.delenv("BDLBENCH_RESULTS", raising=False)
    found = BLOCK.findall((DOCS / f"{page}.md").read_text("utf-8"))
    assert found
    for number, (mark, language, text) in enumerate(found):
        if mark.startswith("file "):
            Path(mark.removeprefix("file ").partition(",")[0]).write_text(text, "utf-8")
        elif language == "python":
            script = Path(f"block_{number}.py")
            script.write_text(text, "utf-8")
            runpy.run_path(str(script), run_name="__main__")
        else:
            for line in text.replace("\\\n", " ").splitlines():
                _run(line.partition("#")[0].strip(), monkeypatch, capsys)


ADAPTERS = re.findall(
    r"<!-- file (\w+\.py)(?:, needs (\w+))? -->\n```python\n(.*?)```",
    (DOCS / "adapters.md").read_text("utf-8"),
    re.DOTALL,
)


@pytest.mark.parametrize(("file", "library", "text"), ADAPTERS, ids=[part[0] for part in ADAPTERS])
@pytest.mark.filterwarnings("ignore")  # of the libraries
def test_the_samplers_of_other_libraries_run(
    file: str, library: str, text: str, tmp_path: Path
) -> None:
    if library and find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    (tmp_path / file).write_text(text, "utf-8")
    plugin: Any = registry.load("samplers", str(tmp_path / file))
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(8, 28, 28, generator=rng), torch.arange(8)
    posterior = Posterior(models.build("mlp-2"), Categorical(), x, y, 0.3)
    problem = Problem(posterior, Budget(200, 2, burn_in=0.3))
    small = {"batch_size": 4} if "batch_size" in vars(plugin()) else {}
    with watched():
        draws = [theta.clone() for theta in plugin(**small).sample(problem, rng)]
    assert len(draws) == 2
    assert all(theta.shape == (1, posterior.network.dim) for theta in draws)
    assert not torch.equal(*draws)
    assert 168 < problem.epochs <= 200  # a step of NUTS might cost 31


def _run(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Run a line of a block for a shell: `bdlbench …`, optionally followed by `|| true`."""
    command, _, may_fail = line.partition("||")
    if command:
        assert command.startswith("bdlbench "), f"expected a command of bdlbench, got {line}"
        ended = commandline.run(command.removeprefix("bdlbench "), monkeypatch, capsys)
        assert may_fail or not ended.code, f"{line}: {ended.err}"
