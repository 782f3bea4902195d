"""The best samplers by metric, in words: collapsed or failed samplers are never the best."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bdlbench.leaderboard import boards
from bdlbench.leaderboard.boards import Board
from bdlbench.site import winners
from tests import synthetic
from tests.site.conftest import FAILED


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """A board on which good and equal are tied, and bad is significantly worse."""
    for seed in range(3):
        for name, skill in (("good", 3.0), ("equal", 3.0), ("bad", 0.5)):
            synthetic.write(tmp_path, name, skill, seed=seed)
        synthetic.write(tmp_path, "half", 4.0, seed=seed, **(FAILED if seed else {}))
    (built,) = boards.build(tmp_path)
    return built


def test_the_best_and_those_that_are_tied_are_named(board: Board) -> None:
    found = {winner.metric: winner for winner in winners.of(board)}
    assert found.keys() == {"accuracy", "NLL", "Brier", "ECE (15 bins)", "AUROC (letters)"}
    assert {found["NLL"].sampler, *found["NLL"].ties} == {"good", "equal"}
    assert found["NLL"].clear
    assert found["AUROC (letters)"].question == "doubts letters inputs more than test inputs"
    for name, pick in (("accuracy", max), ("negative_log_likelihood", min)):
        means = [e.row.metrics[name].mean for e in board.entries if e.rank is not None]
        winner = found["accuracy" if pick is max else "NLL"]
        assert winner.value == f"{pick(means):.4f}"


def test_a_collapsed_sampler_is_not_the_best(board: Board) -> None:
    first, *others = board.entries
    collapsed = replace(first, row=replace(first.row, collapsed=True))
    found = winners.of(replace(board, entries=(collapsed, *others)))
    assert all(first.row.sampler not in (one.sampler, *one.ties) for one in found)


def test_without_a_significant_difference_no_sampler_is_best(board: Board) -> None:
    entries = tuple(
        replace(entry, leading=frozenset(), unbeaten=frozenset()) for entry in board.entries
    )
    assert not any(one.clear or one.ties for one in winners.of(replace(board, entries=entries)))
    assert winners.of(replace(board, entries=entries[:1])) == [], "nothing to compare"
