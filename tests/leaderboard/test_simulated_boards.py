"""Simulated boards: nothing is claimed of equal samplers, and the best one is found."""

from __future__ import annotations

import numpy as np

from bdlbench.metrics.bootstrap import resample
from bdlbench.metrics.ranking import LEVEL
from benchmarks import simulated
from benchmarks.simulated import Effects

BOARDS = 300  # `python -m benchmarks.statistics` draws 1,000 of each kind
# Of the share of boards with a false claim: three binomial standard errors above 5 %.
MOST = LEVEL + 3 * np.sqrt(LEVEL * (1 - LEVEL) / BOARDS)


def test_of_equal_samplers_nothing_is_claimed() -> None:
    bold, sentences, alone = 0, 0, 0
    for board in simulated.boards(BOARDS, Effects(), seeds=3):
        bold += any(board.leaders())
        said = board.sentences()
        sentences += bool(said)
        alone += len(set(board.ranks())) > 1
    assert bold / BOARDS <= MOST
    assert sentences / BOARDS <= MOST
    assert alone / BOARDS <= MOST


def test_the_best_sampler_is_bold_and_every_sentence_says_so() -> None:
    """Its lead is 30 standard deviations of a run over seeds.

    The strictest of the 18 tests needs t = 6.6 with four degrees of freedom. Here t is
    30·√5/(√2·s), so that it fails only if s, the measured standard deviation, is above six times
    the true one: p < 1e-29.
    """
    for board in simulated.boards(10, Effects(), seeds=5, lead=30.0):
        assert board.leaders() == [{0}] * 3
        assert board.ranks()[0] == (1, 1)
        assert [verdict for _, verdict, _ in board.sentences()] == ["worse"] * 9


def test_the_simulated_values_are_those_of_the_bootstrap() -> None:
    losses = np.random.default_rng(0).normal(size=(3, 40))
    runs = {s: lambda w, x=x: np.asarray(x @ w / 40) for s, x in enumerate(losses)}
    (expected,) = resample([runs], [40])
    found = simulated.values(losses)
    assert found.keys() == expected.keys()
    for seed, values in expected.items():
        np.testing.assert_allclose(found[seed], values, rtol=0, atol=1e-12)
