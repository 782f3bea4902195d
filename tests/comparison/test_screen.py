"""A comparison on terminals of several widths."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from bdlbench.comparison import output, screen
from bdlbench.comparison.result import Comparison
from bdlbench.comparison.summary import Row
from bdlbench.errors import BdlbenchError
from bdlbench.metrics.statistics import Interval
from tests.comparison.test_table import COMPARISON, METRICS, ONE_SEED, ROWS, TITLE, row

WIDTHS = (60, 80, 100, 120, 160)
TWO_SETS = replace(
    COMPARISON,
    setup=replace(
        COMPARISON.setup, task=replace(COMPARISON.setup.task, ood=("notmnist", "mnist-letters"))
    ),
)


def printed(comparison: Comparison, width: int = 120, **options: object) -> str:
    console = Console(file=io.StringIO(), width=width)
    screen.show(comparison, console, **options)  # type: ignore[arg-type]
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def many(count: int) -> tuple[Row, ...]:
    names = [f"sampler-{index}:step_size=0.00012,temperature=0.25" for index in range(count)]
    return tuple(row(name, {}, {"completed": 3}, METRICS) for name in names)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("names", [(), ("all",), ("fidelity", "nll")])
@pytest.mark.parametrize(
    "comparison", [COMPARISON, ONE_SEED, TWO_SETS, replace(COMPARISON, rows=(ROWS[0], *many(4)))]
)
def test_nothing_is_cut_or_wider_than_the_terminal(
    comparison: Comparison, names: Sequence[str], width: int
) -> None:
    text = printed(comparison, width, names=names)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    if not names:
        assert "0.90" in text, "accuracy"
        assert "2.5" in text, "seconds"


def test_the_answer_comes_before_its_explanation() -> None:
    lines = printed(COMPARISON, 80).splitlines()
    assert lines[0].startswith(TITLE[:40])
    found = [
        next(number for number, line in enumerate(lines) if part in line)
        for part in ("accuracy ↑", "█", "sgld detects letters better than sgd", "▲ clearly better",
                     "more: --columns")
    ]  # fmt: skip
    assert found == sorted(found)
    assert len(lines) <= 40


def test_a_clear_difference_is_marked() -> None:
    worse = replace(COMPARISON.differences[0][1], metric="accuracy", verdict="worse")
    text = printed(replace(COMPARISON, differences=(*COMPARISON.differences, ("sgld", worse))), 120)
    sgld = next(line for line in text.splitlines() if line.startswith("sgld"))
    assert sgld.count("▲") == 1
    assert sgld.count("▼") == 1
    assert sgld.index("▼") < sgld.index("▲"), "accuracy is left of AUROC"
    sgd = next(line for line in text.splitlines() if line.startswith("sgd"))
    assert "▲" not in sgd


def test_color_is_for_terminals_and_can_be_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def colored(**environment: str) -> bool:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        file = io.StringIO()
        screen.show(COMPARISON, Console(file=file, width=80, force_terminal=True))
        return "\x1b[3" in file.getvalue()

    monkeypatch.delenv("NO_COLOR", raising=False)
    assert colored(TERM="xterm-256color")
    assert not colored(NO_COLOR="1")
    assert "\x1b" not in printed(COMPARISON)


def test_wider_terminals_show_more() -> None:
    assert "Brier" not in printed(COMPARISON, 80)
    assert "target" in printed(COMPARISON, 120)
    assert "Brier" in printed(COMPARISON, 160)


def test_wide_prints_every_column_on_one_line() -> None:
    text = printed(COMPARISON, 60, wide=True)
    (sgd,) = [line for line in text.splitlines() if line.startswith("sgd ")]
    assert "0.900 ±0.025" in sgd
    assert "512" in sgd, "peak memory"


def test_a_task_file_without_a_reference_is_told_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = "from bdlbench import Budget, Task\nTASK = Task('own', 'wine', 'mlp-20', Budget(1, 2))"
    (tmp_path / "own.py").write_text(text)
    setup = replace(COMPARISON.setup, task_reference=str(tmp_path / "own.py"))
    missing = replace(COMPARISON, setup=setup, reference_note="no reference posterior of own …")
    assert "needs a reference: bdlbench reference ./own.py\n" in printed(missing)
    failed = replace(missing, reference_note="the reference of own has not converged")
    assert "TV not available: the reference of own has not converged" in printed(failed)
    for other in (replace(missing, setup=COMPARISON.setup), replace(missing, reference_note="")):
        assert "needs a reference" not in printed(other)


def test_columns_are_chosen_by_name() -> None:
    text = printed(COMPARISON, 100, names=["NLL", "ood.letters.confident_fraction", "cost"])
    header = " ".join(text.splitlines()[:6])
    assert "NLL" in header
    assert ">90 % sure" in header
    assert "peak" in text
    assert "accuracy" not in header


@pytest.mark.parametrize("name", ["nope", "all,nope", "ood.letters.nope"])
def test_an_unknown_column_is_refused(name: str) -> None:
    with pytest.raises(BdlbenchError, match="expected --columns all, fidelity, cost or metrics"):
        output.check_columns(name, False, "table")


@pytest.mark.parametrize(
    ("columns", "wide", "format", "message"),
    [("all", False, "json", "for --format table, got json"), ("all", True, "table", "got both")],
)
def test_columns_that_are_not_shown_are_refused(
    columns: str, wide: bool, format: str, message: str
) -> None:
    with pytest.raises(BdlbenchError, match=message):
        output.check_columns(columns, wide, format)


@pytest.mark.parametrize("name", ["all", "cost,accuracy", "ood.letters.auroc", "ece", "TV"])
def test_known_columns_are_accepted(name: str) -> None:
    assert output.check_columns(name, False, "table") == name.split(",")


@pytest.mark.parametrize(
    ("seeds", "warning"),
    [((0,), "1 seed: the spread over seeds is unknown"), ((0, 1), "2 seeds: intervals are very")],
)
def test_few_seeds_are_warned_of(seeds: tuple[int, ...], warning: str) -> None:
    assert warning in printed(replace(COMPARISON, seeds=seeds))
    assert "intervals are very" not in printed(COMPARISON)


def test_only_what_is_shown_is_explained() -> None:
    floor = {"agreement": 0.99, "total_variation": 0.02}
    of_reference = replace(COMPARISON, floor=floor)
    assert "reference posterior" not in printed(of_reference, 80)
    assert "reference posterior" in printed(of_reference, 80, names=["fidelity"])
    assert "pixels alone" not in printed(replace(COMPARISON, controls={}))


def test_decimals_follow_the_narrowest_interval() -> None:
    metrics = METRICS | {"accuracy": Interval(0.98765, 0.98745, 0.98785, 3)}
    text = printed(replace(COMPARISON, rows=(replace(ROWS[0], metrics=metrics),)), 120)
    assert "0.9877 ±0.0002" in text


def test_confident_fractions_are_bars() -> None:
    lines = [line for line in printed(COMPARISON, 80).splitlines() if "█" in line]
    assert len(lines) == 2, "one for each sampler that completed a run"
    assert "40.0 % ±10.0" in lines[0]
    share = lines[0].count("█") / (lines[0].count("█") + lines[0].count("░"))
    assert share == pytest.approx(0.4, abs=0.03)


def test_long_names_are_folded_where_settings_begin() -> None:
    name = "cosine-sgld:step_size=0.0001,floor=0.1"
    assert screen.folded(name, 20).split("\n") == ["cosine-sgld:", "step_size=0.0001,", "floor=0.1"]
    assert screen.folded(name, 100) == name


def test_verdicts_are_of_the_chosen_columns() -> None:
    assert "detects letters" not in printed(COMPARISON, names=["cost"])
    assert "▲" not in printed(COMPARISON, names=["cost"])
    assert "detects letters" in printed(COMPARISON, names=["auroc"])
