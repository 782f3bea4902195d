"""Comparisons as table, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bdlbench.comparison import columns, layout, table
from bdlbench.comparison.result import Comparison
from bdlbench.comparison.summary import Row
from bdlbench.metrics.statistics import Difference, Interval
from bdlbench.problem import Budget
from bdlbench.runs import tasks
from bdlbench.runs.plan import Setup
from bdlbench.settings import Setting

TASK = replace(tasks.get("digits"), budget=Budget(epochs=200, draws=100))
SETUP = Setup(TASK, "mlp-50", "test", "cpu", Path("results"), None)
METRICS = {
    "accuracy": Interval(0.9, 0.875, 0.925, 3, 0.85, 0.95),
    "negative_log_likelihood": Interval(0.25, 0.2, 0.3, 3),
    "brier_score": Interval(0.125, 0.1, 0.15, 3),
    "expected_calibration_error": Interval(0.03, 0.02, 0.04, 3),
    "adaptive_calibration_error": Interval(0.01, 0.005, 0.015, 3),
    "ood.letters.auroc": Interval(0.8, 0.75, 0.85, 3),
    "ood.letters.confident_fraction": Interval(0.4, 0.3, 0.5, 3),
    "epochs": Interval(199.5, 199.5, 199.5, 3),
    "seconds": Interval(2.5, 2.25, 2.75, 3),
    "peak_memory_bytes": Interval(512e6, 500e6, 524e6, 3),
}
TWO_SEEDS = {name: replace(interval, n=2) for name, interval in METRICS.items()}
DIFFERENCE = Difference("ood.letters.auroc", 0.054, 0.047, 0.061, 0.003, 2, 0.001, "better")


def row(
    sampler: str,
    settings: dict[str, Setting],
    outcomes: dict[str, int],
    metrics: dict[str, Interval],
    *reasons: str,
    reused: int = 0,
) -> Row:
    return Row(
        sampler=sampler,
        settings=settings,
        outcomes=outcomes,
        reasons=reasons,
        reused=reused,
        metrics=metrics,
    )


ROWS = (
    row("sgd", {"learning_rate": 0.1}, {"completed": 3}, METRICS, reused=3),
    row("sgld", {"step_size": 1e-4}, {"completed": 2, "diverged": 1}, TWO_SEEDS, "θ"),
    row("a|b[red]", {"size": 1}, {"plugin error": 3}, {}, "KeyError: '[/bold]'"),
)
COMPARISON = Comparison(
    setup=SETUP,
    note="task digits, since the data of mnist is missing: no such file",
    seeds=(0, 1, 2),
    rows=ROWS,
    differences=(("sgld", DIFFERENCE),),
    controls={"letters": {"random": 0.5, "pixel_knn": 0.975}},
)
ONE_SEED = replace(
    COMPARISON,
    note="",
    seeds=(0,),
    rows=(
        replace(
            COMPARISON.rows[0],
            outcomes={"completed": 1},
            metrics={name: Interval(x.mean, None, None, 1) for name, x in METRICS.items()},
        ),
    ),
    differences=(),
)
TITLE = (
    "digits · mlp-50 · 200 epochs · test set · 3 seeds "
    "(task digits, since the data of mnist is missing)"
)


def refuse(constant: str) -> Any:
    raise AssertionError(f"{constant} is not JSON")


def test_json_has_the_documented_keys() -> None:
    document = json.loads(table.as_json(COMPARISON), parse_constant=refuse)
    assert document.keys() >= {"task", "model", "seeds", "rows", "differences", "controls"}
    assert document["task"] == "digits"
    assert document["model"] == "mlp-50"
    assert document["seeds"] == [0, 1, 2]
    assert [found["sampler"] for found in document["rows"]] == ["sgd", "sgld", "a|b[red]"]
    for found in document["rows"]:
        assert found.keys() >= {"sampler", "settings", "outcomes", "metrics"}
    first, second, third = document["rows"]
    assert first["metrics"]["accuracy"] == {
        "mean": 0.9, "low": 0.875, "high": 0.925, "n": 3,
        "low_with_points": 0.85, "high_with_points": 0.95,
    }  # fmt: skip
    assert first["metrics"].keys() == METRICS.keys()
    assert first["settings"] == {"learning_rate": 0.1}
    assert second["outcomes"] == {"completed": 2, "diverged": 1}
    assert third["metrics"] == {}
    assert document["differences"] == [
        {
            "sampler": "sgld", "baseline": "sgd", "metric": "ood.letters.auroc",
            "difference": 0.054, "low": 0.047, "high": 0.061, "standard_error": 0.003,
            "seeds": 2, "p": 0.001, "verdict": "better",
        }
    ]  # fmt: skip
    assert document["controls"] == {
        "letters": {"random": {"auroc": 0.5}, "pixel_knn": {"auroc": 0.975}}
    }


def test_json_of_one_seed_has_no_interval_and_no_nan() -> None:
    document = json.loads(table.as_json(ONE_SEED), parse_constant=refuse)
    accuracy = document["rows"][0]["metrics"]["accuracy"]
    ends = dict.fromkeys(("low", "high", "low_with_points", "high_with_points"))
    assert accuracy == {"mean": 0.9, **ends, "n": 1}
    nan = replace(ONE_SEED, controls={"letters": {"random": float("nan")}})
    with pytest.raises(ValueError, match="not JSON compliant"):
        table.as_json(nan)


def test_csv_has_all_numbers_at_full_precision() -> None:
    rows = list(csv.DictReader(io.StringIO(table.to_csv(COMPARISON))))
    assert [row["sampler"] for row in rows] == ["sgd", "sgld", "a|b[red]"]
    for name, interval in METRICS.items():
        cells = [rows[0][name], rows[0][f"{name}.low"], rows[0][f"{name}.high"]]
        assert [float(cell) for cell in cells] == [interval.mean, interval.low, interval.high]
    ends = [float(rows[0][f"accuracy.{end}_with_points"]) for end in ("low", "high")]
    assert ends == [0.85, 0.95]
    assert "brier_score.low_with_points" not in rows[0], "not computed"
    assert rows[1]["outcomes"] == "{'completed': 2, 'diverged': 1}"
    assert rows[2]["accuracy"] == ""


def test_markdown_is_a_table_followed_by_remarks() -> None:
    lines = table.to_markdown(COMPARISON).splitlines()
    assert lines[0] == f"**{TITLE}**"
    body = [line for line in lines if line.startswith("|")]
    cells = [line.replace("\\|", "¦").strip("|").split("|") for line in body]
    header, rule, *rows = ([cell.strip() for cell in line] for line in cells)
    assert len(rule) == len(header)
    assert set(rule) == {"---", "---:"}
    named = {line[0]: dict(zip(header, line, strict=True)) for line in rows}
    assert list(named) == [
        "sgd *", "sgld [diverged]", "a¦b[red] [plugin error]", "control: random",
        "control: pixel knn",
    ]  # fmt: skip
    shown = {
        "accuracy ↑": "0.9000 ±0.0250",
        "NLL ↓": "0.2500 ±0.0500",
        "Brier ↓": "0.1250 ±0.0250",
        "ECE (15 bins) ↓": "0.0300 ±0.0100",
        "AUROC (letters) ↑": "0.8000 ±0.0500",
        ">90 % sure (letters) ↓": "0.4000 ±0.1000",
        "epochs": "199.5",
        "seconds": "2.5 ±0.2",
        "peak MB": "512",
    }
    assert named["sgd *"].items() >= shown.items()
    assert {named["a¦b[red] [plugin error]"][column] for column in shown} == {"–"}
    assert named["control: pixel knn"]["AUROC (letters) ↑"] == "0.9750"
    assert named["control: pixel knn"]["accuracy ↑"] == ""
    bullets = [line for line in lines if line.startswith("- ")]
    assert bullets[0] == "- sgld detects letters better than sgd: AUROC +0.054 [0.047, 0.061]"
    assert bullets[1] == "- sgld: diverged in 1 of 3 runs: θ; lower its step size"
    assert bullets[2] == "- a|b[red]: plugin error in 3 of 3 runs: KeyError: '[/bold]'"
    assert "3 runs were already stored; --force reruns them" in bullets[3]
    assert "95 % Student-t confidence interval of the mean over seeds" in bullets[4]
    assert bullets[5].startswith("- control: AUROC of a score of the inputs alone")


def test_one_seed_has_no_interval() -> None:
    text = table.to_markdown(ONE_SEED)
    assert "0.9000" in text
    assert "±" not in text
    assert "1 seed" in text
    assert "1 seeds" not in text


def test_a_validation_table_has_no_ood_columns() -> None:
    comparison = replace(ONE_SEED, setup=replace(SETUP, split="validation"), controls={})
    text = table.to_markdown(comparison)
    assert "validation set" in text
    assert "letters" not in text
    assert "control" not in text
    assert json.loads(table.as_json(comparison))["split"] == "validation"


@pytest.mark.parametrize("headline", [("accuracy",), ("lppd",)])
def test_a_board_has_the_columns_of_the_middle_shifted_set(headline: tuple[str, ...]) -> None:
    angles = ("rotated-15", "rotated-30", "rotated-45", "rotated-60")
    more = [column.metric for column in columns.columns(headline, "test", angles)]
    usual = [column.metric for column in columns.columns(headline, "test")]
    added = [metric for metric in more if metric not in usual]
    kept = ("accuracy", "negative_log_likelihood", "expected_calibration_error")
    metrics = kept if headline == ("accuracy",) else ("lppd", "rmse")
    assert added == [f"shift.rotated-45.{metric}" for metric in metrics]
    assert columns.shifted((), "classes") == []


@pytest.mark.parametrize(("split", "shown"), [("test", True), ("validation", False)])
def test_all_columns_include_those_of_a_shifted_set(split: str, shown: bool) -> None:
    setup = replace(SETUP, task=tasks.get("rotated-digits"), split=split)
    chosen = layout.choose(["all"], replace(COMPARISON, setup=setup))
    assert ("shift.rotated-45.accuracy" in [column.metric for column in chosen]) == shown
