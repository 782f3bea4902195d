"""What is published: the settings are those that were found, and README shows what came of them."""

from __future__ import annotations

import json
import runpy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest

from bdlbench import registry
from bdlbench.checks import certificate
from bdlbench.comparison import grid
from bdlbench.leaderboard import rendering
from bdlbench.leaderboard.boards import Board
from bdlbench.runs import plan, tasks
from bdlbench.settings import Spec, parse

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "results"
TUNED = sorted((RESULTS / "tuning").glob("*.json"))
MOST = 60e6  # bytes of predictions that everyone who clones this has to fetch


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs/published.py"))


@pytest.mark.parametrize("path", TUNED, ids=lambda path: path.stem)
def test_the_settings_are_those_that_were_chosen(path: Path) -> None:
    found = json.loads(path.read_text("utf-8"))
    task, name = tasks.get(found["task"]), found["sampler"]
    if found["model"] == task.model:
        spec = Spec(name, ())  # the task's
    else:
        asked = grid.read(RESULTS / f"grids/{found['task']}-{found['model']}.toml").samplers
        (spec,) = (spec for spec in map(parse, asked) if spec.reference == name)
    assert plan.configure_sampler(spec, task).settings == found["chosen"]
    trials = found["trials"]
    assert len(trials) >= 10
    failed = [trial["settings"] for trial in trials if trial["objective"] is None]
    good = [trial for trial in trials if trial["settings"] not in failed]
    assert min(good, key=lambda trial: trial["objective"])["settings"] == found["chosen"]


def test_the_leaderboard_is_what_is_generated(published_boards: list[Board]) -> None:
    for name, text in (
        ("leaderboard.md", rendering.to_markdown(published_boards)),
        ("leaderboard.csv", rendering.to_csv(published_boards)),
    ):
        assert (RESULTS / name).read_text("utf-8") == text, "run bdlbench leaderboard and commit"


def test_readme_shows_the_published_table(
    published_boards: list[Board], published: dict[str, Any]
) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    filled = published["fill_in"](readme, published["section"](published_boards))
    assert readme == filled, "run python docs/published.py and commit"
    assert published["fill_in"](readme, "else") != readme


def test_readme_s_picture_can_be_drawn(
    published_boards: list[Board], published: dict[str, Any]
) -> None:
    board = published["board_of"](published_boards)
    figure = published["picture"](board)
    (legend,) = (axes.get_legend() for axes in figure.axes if "notMNIST" in axes.get_title())
    plt.close(figure)
    for text, name in zip(legend.get_texts(), ("sgd", "sgld"), strict=True):
        metrics = published["entry_of"](board, name).row.metrics
        share = metrics["ood.notmnist.confident_fraction"].mean
        assert text.get_text() == f"{name.upper()}: {share:.0%} above 0.9"


def test_the_findings_give_the_published_figures(
    published_boards: list[Board], published: dict[str, Any]
) -> None:
    found = published["findings"](published_boards)
    assert (ROOT / "docs/findings.md").read_text("utf-8") == found
    assert found.count("../results/leaderboard.md#") > 20


@pytest.mark.parametrize("path", sorted((RESULTS / "grids").glob("*.toml")), ids=lambda p: p.stem)
def test_the_grids_are_what_was_run(path: Path, published_boards: list[Board]) -> None:
    asked = grid.read(path)
    for where in asked.comparisons:
        task = tasks.get(where["task"])
        usual = {"model": task.model, **asdict(task.budget)}
        wanted = task.name, *(where[name] or usual[name] for name in ("model", "epochs", "draws"))
        (board,) = (b for b in published_boards if (b.task, b.model, b.epochs, b.draws) == wanted)
        seeds = asked.seeds if isinstance(asked.seeds, list) else list(range(asked.seeds))
        for sampler in asked.samplers:
            wanted_settings = plan.configure_sampler(parse(sampler), task).settings
            (records,) = (
                entry.records
                for entry in board.entries
                if entry.records[0].sampler.name == parse(sampler).reference
                and entry.records[0].sampler.settings == wanted_settings
            )
            assert [record.seed for record in records] == seeds


def test_only_certificates_that_something_rests_on_are_kept(published_boards: list[Board]) -> None:
    versions = {certificate.present_version(name) for name in registry.names("samplers")}
    for board in published_boards:
        for entry in board.entries:
            versions |= {certificate.version_of(record) for record in entry.records}
            assert entry.row.certificate != certificate.NOT_CERTIFIED
    wanted = {Path(certificate.file_of(*version)).name for version in versions}
    assert {path.name for path in (RESULTS / "checks").iterdir()} == wanted


def test_the_predictions_are_not_too_many_to_clone() -> None:
    assert sum(path.stat().st_size for path in RESULTS.glob("runs/*/*")) < MOST
