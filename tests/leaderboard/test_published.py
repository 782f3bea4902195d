"""Published results: tuned hyperparameters, grids, certificates, and the generated pages."""

from __future__ import annotations

import json
import re
import runpy
from dataclasses import asdict, replace
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
MOST = 60e6  # bytes of all published runs, which every clone downloads


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs/published.py"))


@pytest.mark.parametrize("path", TUNED, ids=lambda path: path.stem)
def test_default_hyperparameters_are_those_of_the_best_trial(path: Path) -> None:
    tuning = json.loads(path.read_text("utf-8"))
    task, name = tasks.get(tuning["task"]), tuning["sampler"]
    if tuning["model"] == task.model:
        spec = Spec(name, ())  # the task's defaults
    else:
        samplers = grid.read(RESULTS / f"grids/{tuning['task']}-{tuning['model']}.toml").samplers
        (spec,) = (spec for spec in map(parse, samplers) if spec.reference == name)
    assert plan.configure_sampler(spec, task).settings == tuning["chosen"]
    for variant in [{"held": {}, "chosen": tuning["chosen"]}, *tuning.get("variants", ())]:
        trials = [one for one in tuning["trials"] if one.get("held", {}) == variant["held"]]
        _check_best(trials, variant["chosen"])


def _check_best(trials: list[dict[str, Any]], chosen: dict[str, Any]) -> None:
    assert len(trials) >= 10
    failed = [trial["settings"] for trial in trials if trial["objective"] is None]
    completed = [trial for trial in trials if trial["settings"] not in failed]
    assert min(completed, key=lambda trial: trial["objective"])["settings"] == chosen


def test_the_leaderboard_is_up_to_date(published_boards: list[Board]) -> None:
    for name, text in (
        ("leaderboard.md", rendering.to_markdown(published_boards)),
        ("leaderboard.csv", rendering.to_csv(published_boards)),
    ):
        assert (RESULTS / name).read_text("utf-8") == text, (
            "run bdlbench leaderboard --results results"
        )


def test_readme_shows_the_published_table(
    published_boards: list[Board], published: dict[str, Any]
) -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    filled = published["fill_in"](readme, published["section"](published_boards))
    assert readme == filled, "run python docs/published.py and commit"
    assert published["fill_in"](readme, "else") != readme


def test_collapsed_samplers_are_left_out_of_the_readme_and_named(
    published_boards: list[Board], published: dict[str, Any]
) -> None:
    board = published["board_of"](published_boards)
    first, second = board.entries[:2]
    for names in ([], [first], [first, second]):
        entries = tuple(
            replace(entry, row=replace(entry.row, collapsed=entry in names))
            for entry in board.entries
        )
        text = published["section"]([replace(board, entries=entries)])
        for entry in board.entries:
            assert (f"| {entry.row.sampler} |" in text) == (entry not in names)
            assert f"| {entry.row.sampler} [" not in text
        left_out = ", ".join(entry.row.sampler for entry in names)
        verb = "are left out: their" if len(names) == 2 else "is left out: its"
        assert (f"{left_out} {verb} draws are nearly identical" in text) == bool(names)
        assert ("left out" in text) == bool(names)


def test_the_plot_of_the_findings_can_be_drawn(
    published_boards: list[Board], published: dict[str, Any]
) -> None:
    board = published["board_of"](published_boards)
    figure = published["picture"](board)
    (legend,) = (axes.get_legend() for axes in figure.axes if "notMNIST" in axes.get_title())
    plt.close(figure)
    for text, name in zip(legend.get_texts(), ("sgd", "sgld"), strict=True):
        metrics = published["entry_of"](board, name).row.metrics
        share = metrics["ood.notmnist.confident_fraction"].mean
        assert text.get_text() == f"{name}: {share:.0%} above 0.9"


def test_the_findings_are_up_to_date(
    published_boards: list[Board], published: dict[str, Any]
) -> None:
    page = published["findings"](published_boards)
    assert (ROOT / "docs/findings.md").read_text("utf-8") == page
    assert page.count("../results/leaderboard.md#") > 20


def test_the_page_of_public_samplers_is_up_to_date(published: dict[str, Any]) -> None:
    page = (ROOT / "docs/public-samplers.md").read_text("utf-8")
    assert page == published["public_samplers"](), "run python docs/published.py and commit"
    assert not re.search(r"\{\w+\}", page)


@pytest.mark.parametrize("path", sorted((RESULTS / "grids").glob("*.toml")), ids=lambda p: p.stem)
def test_all_runs_of_the_grids_are_published(path: Path, published_boards: list[Board]) -> None:
    runs = grid.read(path)
    for comparison in runs.comparisons:
        task = tasks.get(comparison["task"])
        default = {"model": task.model, **asdict(task.budget)}
        names = ("model", "epochs", "draws")
        key = task.name, *(comparison[name] or default[name] for name in names)
        (board,) = (b for b in published_boards if (b.task, b.model, b.epochs, b.draws) == key)
        assert runs.seeds is not None, "a published grid says how many seeds it has"
        seeds = runs.seeds if isinstance(runs.seeds, list) else list(range(runs.seeds))
        for sampler in runs.samplers:
            settings = plan.configure_sampler(parse(sampler), task).settings
            (records,) = (
                entry.records
                for entry in board.entries
                if entry.records[0].sampler.name == parse(sampler).reference
                and entry.records[0].sampler.settings == settings
            )
            assert [record.seed for record in records] == seeds


def test_only_certificates_in_use_are_stored(published_boards: list[Board]) -> None:
    versions = {certificate.present_version(name) for name in registry.names("samplers")}
    for board in published_boards:
        for entry in board.entries:
            versions |= {certificate.version_of(record) for record in entry.records}
            assert entry.row.certificate != certificate.NOT_CERTIFIED
    names = {Path(certificate.file_of(*version)).name for version in versions}
    assert {path.name for path in (RESULTS / "checks").iterdir()} == names


def test_the_size_of_the_published_runs() -> None:
    assert sum(path.stat().st_size for path in RESULTS.glob("runs/*/*")) < MOST


def test_the_verdicts_of_the_findings_are_corrected_together(
    published_boards: list[Board], published: dict[str, Any]
) -> None:
    def claim(metric: str) -> str:
        return f"{{mnist mlp-400-400 64 epochs | sgld - sgd | {metric}}}"

    alone = published["claims"](claim("AUROC (notmnist)"), published_boards)
    assert alone.startswith("better: +"), "p = 0.014"
    others = ["accuracy", *2 * ["AUROC (mnist-letters)"], "AUROC (notmnist)"]
    *_, among = published["claims"]("\n".join(map(claim, others)), published_boards).split("\n")
    assert among == alone.replace("better", "no clear difference"), "with the same interval"
    nlls = published["claims"](claim("NLL"), published_boards)
    assert nlls.startswith("worse: +"), "lower is better"
