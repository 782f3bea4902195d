"""What users bring themselves: stories from an empty folder, with the commands that they type."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import commandline

STORIES = Path(__file__).parent / "stories"
Command = Callable[[str], str]


@pytest.fixture
def folder(tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of a story, which is all that is there; it is the current one."""
    copy = shutil.copytree(STORIES / request.param, tmp_path / "folder")
    monkeypatch.chdir(copy)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("BDLBENCH_RESULTS", raising=False)
    return copy


@pytest.fixture
def bdlbench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command that succeeds, and return what it prints."""

    def run(command: str) -> str:
        ended = commandline.run(command, monkeypatch, capsys)
        assert ended.code == 0, ended.err
        return ended.out

    return run


@pytest.mark.slow
@pytest.mark.parametrize("folder", ["regression"], indirect=True)
def test_a_table_with_an_own_network_and_sampler(
    folder: Path,
    bdlbench: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (120, 3))
    y = 100 * (np.sin(2 * x[:, 0]) + x[:, 1] * x[:, 2] + 0.1 * rng.normal(size=120))
    table = np.column_stack([x, y])
    np.savetxt(
        folder / "yacht.csv", table, delimiter=",", header="beam,speed,draught,resistance",
        comments="",
    )  # fmt: skip
    command = "compare sgd sgld:step_size=1e-3,batch_size=16 hmc ./mine.py --task ./yacht.py"
    printed = bdlbench(f"{command} --seeds 2 --columns all")
    for word in ("LPPD", "RMSE", "CRPS", "coverage", "hmc", "mine", "residual-mlp", "±"):
        assert word in printed, printed
    made = "reference ./yacht.py --chains 2 --samples 20 --warm-up 10"
    ended = commandline.run(made, monkeypatch, capsys)
    assert "r hat" in ended.out, ended.err
    assert ended.code in (0, 2), "it may not have converged"
    if ended.code == 0:
        assert "TV" in bdlbench(f"{command} --seeds 2 --columns fidelity")
    assert "yacht" in bdlbench("leaderboard")
    site = Path(bdlbench("publish").strip())
    assert "residual-mlp" in (folder / site).read_text("utf-8")


@pytest.mark.parametrize("folder", ["images"], indirect=True)
def test_colour_images_with_a_residual_network_and_an_own_ood_set(
    folder: Path, bdlbench: Command
) -> None:
    samplers = "sgd:batch_size=20 mc-dropout:batch_size=20"
    printed = bdlbench(f"compare {samplers} --task ./birds.py --seeds 1")
    assert "tiny-resnet" in printed
    assert "planes" in printed
    wider = "compare sgd:batch_size=20 --task ./birds.py --seeds 1 --model ./birds.py:width=6"
    assert "tiny-resnet:width=6" in bdlbench(wider)


@pytest.mark.parametrize("folder", ["tokens"], indirect=True)
def test_a_transformer_on_tokens(folder: Path, bdlbench: Command) -> None:
    command = "compare sgd:batch_size=20 sgld:step_size=1e-3,batch_size=20 --task ./words.py"
    assert "encoder" in bdlbench(f"{command} --seeds 1")


@pytest.mark.parametrize("folder", ["package"], indirect=True)
def test_a_package_with_a_plugin_of_every_kind(
    folder: Path, bdlbench: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = folder / "acme-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1\n")
    (info / "entry_points.txt").write_text(
        "[bdlbench.samplers]\nacme-descent = acme.plugins:Descent\n"
        "[bdlbench.datasets]\nacme-clouds = acme.plugins:Clouds\n"
        "[bdlbench.models]\nacme-net = acme.plugins:Net\n"
        "[bdlbench.tasks]\nacme-task = acme.plugins:TASK\n"
        "[bdlbench.metrics]\nacme-doubt = acme.plugins:Doubt\n"
    )
    monkeypatch.syspath_prepend(folder)
    for kind in ("samplers", "datasets", "models", "tasks", "metrics"):
        assert "acme-" in bdlbench(f"list {kind}")
    command = "compare acme-descent sgd:batch_size=20 --task acme-task --seeds 2 --columns all"
    printed = bdlbench(command)
    for word in ("acme-descent", "acme-net:width=6", "doubt"):
        assert word in printed, printed


CELLS = (
    """
from dataclasses import dataclass
from typing import ClassVar
import bdlbench
from bdlbench import register

@register("cell")
@dataclass(frozen=True)
class Cell:
    target: ClassVar[str] = "point"
    rate: float = 1e-4

    def sample(self, problem, rng):
        theta = problem.init(rng)
        for batch, _ in problem.steps(32, rng):
            theta = theta - self.rate * problem.gradient(theta, batch)
        yield theta
""",
    """
from torch import nn
from bdlbench import Budget, Task
from bdlbench.likelihoods import Categorical

@register("cell-net")
@dataclass(frozen=True)
class Net:
    width: int = 4

    def build(self, input_shape, outputs):
        return nn.Sequential(nn.Linear(*input_shape, self.width), nn.Tanh(),
                             nn.Linear(self.width, outputs))

@dataclass(frozen=True)
class Tempered(Categorical):
    slope = None

    def log_prob(self, outputs, y):
        return 0.5 * super().log_prob(outputs, y)

task = Task("cell-task", "wine", Net(), Budget(epochs=5, draws=5), likelihood=Tempered())
""",
    "bdlbench.compare([Cell, Cell(rate=2e-4)], task=task, seeds=1)",
)


def test_a_sampler_a_model_and_a_likelihood_from_cells_of_a_notebook(tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in CELLS])
    client = nbclient.NotebookClient(
        notebook, timeout=600, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    (shown,) = (each for each in notebook.cells[-1].outputs if "data" in each)
    assert "cell:rate=0.0002" in shown["data"]["text/html"]
