"""The arithmetic of the benchmarks, not the speed that they measure."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import alternate, figures, statistics
from benchmarks.__main__ import main
from benchmarks.figures import Figure


def test_a_ratio_is_the_median_over_rounds_to_the_fastest() -> None:
    timings = alternate.Timings(
        {
            "a": np.array([2.0, 4.0, 9.0]),
            "b": np.array([1.0, 4.0, 3.0]),
            "c": np.array([2.0, 1.0, 9.0]),
        }
    )
    assert timings.median("a") == 4
    assert timings.ratio("a", "b") == 2  # of 2, 1, 3
    assert timings.ratio("a", "b", "c") == 3  # of 2/1, 4/1, 9/3


def test_actions_take_turns_and_units_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    now, calls = [0.0], []

    def action(name: str, seconds: float) -> alternate.Action:
        def call() -> None:
            now[0] += seconds
            calls.append(name)

        return call

    clock = SimpleNamespace(perf_counter=lambda: now[0])
    monkeypatch.setattr(alternate, "time", clock)
    actions = {"slow": (action("slow", 0.25), 10), "quick": (action("quick", 0.01), 1)}
    found = alternate.alternate(actions, rounds=3)
    np.testing.assert_allclose(found.seconds["slow"], [0.025] * 3)  # ten units per call
    np.testing.assert_allclose(found.seconds["quick"], [0.01] * 3)
    # Two calls at first; then three rounds of 0.1 s each, after a warm-up of a fifth of that.
    assert (calls.count("slow"), calls.count("quick")) == (2 + 3, 2 + 3 * (10 + 2))


@pytest.mark.parametrize(
    ("figure", "holds"),
    [
        (Figure("a", 1.0, "s"), True),
        (Figure("a", 1.0, "s", bar=1.0), True),
        (Figure("a", 1.1, "s", bar=1.0), False),
        (Figure("a", 9.0, "s", ratio=0.9, bar=1.0), True),
        (Figure("a", 0.1, "s", ratio=1.1, bar=1.0), False),
    ],
)
def test_the_bar_applies_to_the_ratio_if_there_is_one(figure: Figure, holds: bool) -> None:
    assert figure.holds == holds
    assert ("**does not hold**" in figures.table([figure])) != holds


def test_ratios_that_grew_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "FIGURES", tmp_path / "figures.json")
    monkeypatch.setattr(figures, "PAGE", tmp_path / "README.md")
    figures.PAGE.write_text(f"above\n{figures.BEGIN}\nold\n{figures.END}\nbelow\n")
    figures.write({"steps": [Figure("a", 1.0, "s", 1.0, "b"), Figure("c", 1.0, "s", 1.0, "b")]})
    page = figures.PAGE.read_text()
    assert page.startswith("above\n")
    assert page.endswith("below\n")
    assert "### steps" in page
    assert "old" not in page
    assert len(json.loads(figures.FIGURES.read_text())["figures"]["steps"]) == 2
    now = {"steps": [Figure("a", 1.0, "s", 1.14, "b"), Figure("c", 1.0, "s", 1.16, "b")]}
    assert figures.worse(now) == ["steps: c to b: 1.00 before, 1.16 now"]


def test_write_needs_all_sections(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only", "start-up", "--write"])
    with pytest.raises(SystemExit):
        main()
    assert "--write needs all sections; omit --only" in capsys.readouterr().err


@pytest.fixture(scope="module")
def quick() -> list[statistics.Table]:
    return statistics.tables(statistics.QUICK)


def shares(table: statistics.Table, row: int) -> list[float]:
    return [float(cell) for cell in re.findall(r"([\d.]+) %", " ".join(table.rows[row]))]


def test_the_simulated_shares_are_near_what_they_should_be(quick: list[statistics.Table]) -> None:
    over_seeds, intervals, equal, best, calibrated, few = quick
    # Four binomial standard errors of 80 and 20 draws, around 95 % and above 5 %.
    assert min(shares(over_seeds, 0)) > 100 * (0.95 - 4 * np.sqrt(0.05 * 0.95 / 80))
    assert min(shares(intervals, 0)[:6]) > 100 * (0.95 - 4 * np.sqrt(0.05 * 0.95 / 20))
    for row in range(len(equal.rows)):
        assert max(shares(equal, row)) <= 100 * (0.05 + 4 * np.sqrt(0.05 * 0.95 / 20))
    assert shares(best, -1)[2] == shares(best, -1)[5] == 100, "10 sd at 10 seeds"
    for _, _, mean, expected, most, _ in calibrated.rows:
        # An ECE's standard deviation is below (most − expected)/1.96; the mean is of 20.
        error = (float(most) - float(expected)) / 1.96 / np.sqrt(20)
        assert abs(float(mean) - float(expected)) < 4 * error
    assert float(few.rows[0][1]) > 1.5, "five draws"
    assert float(few.rows[-1][1]) < 1.02, "a thousand"


def test_the_page_has_the_simulations_of_the_code(quick: list[statistics.Table]) -> None:
    page = statistics.PAGE.read_text("utf-8")
    text = page.split(statistics.BEGIN)[1].split(statistics.END)[0].strip()
    written = "\n\n".join(table.markdown() for table in quick)
    assert _without_numbers(text) == _without_numbers(written), (
        "run python -m benchmarks.statistics --write"
    )


def _without_numbers(text: str) -> str:
    return re.sub(r"\d[\d.,]*", "#", text)
