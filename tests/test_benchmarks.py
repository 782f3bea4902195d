"""The benchmarks' own arithmetic; how fast things are is not for tests to say."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from benchmarks import alternate, figures
from benchmarks.__main__ import main
from benchmarks.figures import Figure


def test_a_ratio_is_the_median_over_rounds_to_the_quickest() -> None:
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
    monkeypatch.setattr(alternate, "SLICE", 0.01)
    found = alternate.alternate(
        {"slow": (lambda: time.sleep(0.02), 10), "quick": (lambda: time.sleep(0.002), 1)}, rounds=3
    )
    assert found.seconds["slow"].shape == (3,)
    assert 0.002 <= found.median("slow") < 0.02  # of ten units a call
    assert found.median("quick") >= 0.002


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
def test_a_bar_is_for_the_ratio_where_there_is_one(figure: Figure, holds: bool) -> None:
    assert figure.holds == holds
    assert ("**does not hold**" in figures.table([figure])) != holds


def test_a_ratio_that_grew_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert figures.worse(now) == ["steps: c to b: 1.00 was, 1.16 is"]


def test_a_part_is_not_written_over_the_whole(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "--only", "start-up", "--write"])
    with pytest.raises(SystemExit):
        main()
    assert "--write puts all sections into README.md; leave out --only" in capsys.readouterr().err
