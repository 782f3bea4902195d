"""Bias and Monte-Carlo error of a total variation: of exact draws, and of a known bias."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from bdlbench.metrics import ranking
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import Predictions
from bdlbench.reference import bias, fidelity, reference
from bdlbench.reference.predictive import Mixture
from tests.reference.test_fidelity import A, B, posterior, predictions

INPUTS, CLASSES, DRAWS = 60, 4, 25
MEANS = 2 * np.random.default_rng(0).normal(size=(INPUTS, CLASSES))
LOADINGS = np.random.default_rng(1).normal(size=(3, INPUTS * CLASSES)) / 2
SHIFT = 0.4 * np.random.default_rng(2).normal(size=(INPUTS, CLASSES))
ONE = np.ones((INPUTS, 1))


def average(rng: np.random.Generator, draws: int, shift: float = 0.0) -> np.ndarray:
    """Return the mean softmax of draws of logits that are correlated over inputs."""
    noise = (rng.normal(size=(draws, 3)) @ LOADINGS).reshape(draws, INPUTS, CLASSES)
    odds = np.exp(MEANS + shift * SHIFT + noise)
    return np.asarray((odds / odds.sum(-1, keepdims=True)).mean(axis=0))


def runs(rng: np.random.Generator, seeds: int, shift: float = 0.0) -> dict[int, Predictions]:
    return {seed: predictions(average(rng, DRAWS, shift)) for seed in range(seeds)}


def of(rng: np.random.Generator, seeds: int, shift: float = 0.0) -> bias.Distances:
    halves = average(rng, 400), average(rng, 400)
    known = posterior((halves[0] + halves[1]) / 2, *halves)
    found = bias.distances(runs(rng, seeds, shift), known)
    assert found is not None
    return found


def test_by_hand() -> None:
    known = posterior(A, A, B)  # two runs that are off by ±⅛ at one of two inputs
    off = np.array([[5, 3], [2, 6]]) / 8, np.array([[7, 1], [2, 6]]) / 8
    found = bias.distances({0: predictions(off[0]), 1: predictions(off[1])}, known)
    assert found is not None
    square, error = found.squares(np.ones((2, 1)))[:, 0, 0]
    # T_1 = 1/16, T_2 = 0, H = 1/4: bias² = (2·0 − T_1²)/1 − H²/4, error² = 2·(T_1² − 0)/1
    assert (square, error) == pytest.approx((-1 / 256 - 1 / 64, 2 / 256), rel=1e-5)
    assert bias.split(found)[bias.BIAS].mean == 0
    assert bias.distances({0: predictions(off[0])}, known) is None


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_exact_draws_have_no_bias_within_the_interval(seeds: int) -> None:
    """Of 40 boards at 95 %, 34 or fewer hold with a probability of 3 %; with a fixed seed."""
    rng = np.random.default_rng(seeds)
    found = [bias.split(of(rng, seeds))[bias.BIAS] for _ in range(40)]
    assert sum(one.low == 0 for one in found) > 34
    assert all(one.high > 0 for one in found if one.high is not None)


def test_the_distance_of_one_run_is_not_zero_for_exact_draws() -> None:
    found = of(np.random.default_rng(0), 10)
    single = float(found.single[0].mean())
    assert single > 3 * bias.split(found)[bias.BIAS].mean
    assert bias.split(found)[bias.ERROR].mean == pytest.approx(single, rel=0.2)


@pytest.mark.parametrize("seeds", [3, 10])
def test_a_known_bias_is_recovered_for_any_number_of_seeds(seeds: int) -> None:
    """The mean of bias² over 40 boards is right within 3 standard errors and 10 %."""
    rng = np.random.default_rng(seeds)
    target = sum(average(rng, 500) for _ in range(40)) / 40
    wrong = sum(average(rng, 500, 1.0) for _ in range(40)) / 40
    truth = fidelity.total_variation(np.asarray(wrong), np.asarray(target)) ** 2
    found = np.array([of(rng, seeds, 1.0).bias[0] for _ in range(40)])
    assert abs(found.mean() - truth) < 3 * found.std(ddof=1) / np.sqrt(40) + 0.1 * truth


def ranks(entries: Sequence[bias.Distances | None]) -> list[tuple[int, int]]:
    return ranking.rank_intervals(bias.compare_pairs(entries))


def test_ranks_go_by_the_bias() -> None:
    rng = np.random.default_rng(4)
    halves = average(rng, 400), average(rng, 400)
    known = posterior((halves[0] + halves[1]) / 2, *halves)
    noisy = bias.distances(runs(rng, 10), known)
    still = np.asarray(sum(average(rng, 500, 1.0) for _ in range(20)) / 20)
    biased = bias.distances({s: predictions(still) for s in range(10)}, known)
    assert noisy is not None
    assert biased is not None
    assert ranks([biased, noisy]) == [(2, 2), (1, 1)]
    assert ranks([biased, None, noisy]) == [(2, 3), (1, 3), (1, 2)]
    fewer = bias.distances(runs(rng, 2), known)
    assert ranks([biased, fewer]) == [(1, 2), (1, 2)]


def test_identical_samplers_are_not_ranked() -> None:
    """Of 60 boards of five, at most 5 % have a rank: 9 or more with a probability below 1 %."""
    rng, ranked = np.random.default_rng(5), 0
    for _ in range(60):
        halves = average(rng, 400), average(rng, 400)
        known = posterior((halves[0] + halves[1]) / 2, *halves)
        rows = [bias.distances(runs(rng, 3, 1.0), known) for _ in range(5)]
        ranked += ranks(rows) != [(1, 5)] * 5
    assert ranked < 9


def test_subsets_of_a_published_reference_have_no_bias() -> None:
    """Runs of 100 of the reference's own draws, for real targets."""
    known = reference.load("diabetes")
    found = known.sets["test"]
    assert isinstance(found, Mixture)
    rng = np.random.default_rng(0)
    rows = rng.integers(len(found.location), size=(5, 100))
    parts = {seed: found.densities(each) for seed, each in enumerate(rows)}
    assert all(isinstance(part, Densities) for part in parts.values())
    distances = bias.distances(parts, known)
    assert distances is not None
    split = bias.split(distances)
    assert split[bias.BIAS].low == 0
    assert split[bias.ERROR].mean == pytest.approx(bias.of_draws(known, 100), rel=0.3)


def test_the_error_of_exact_draws_is_extrapolated_from_the_halves() -> None:
    known = posterior(A, A, B, diagnostics={"ess_of_inputs_median": 1600.0})
    # The halves differ by ¼ = √2 errors of 800 draws; 100 have √8 as much.
    assert bias.of_draws(known, 100) == pytest.approx(0.25 / np.sqrt(2) * np.sqrt(8))
    assert fidelity.floor(known, 100)[bias.ERROR] == bias.of_draws(known, 100)
    assert bias.of_draws(posterior(A, A, B), 100) is None
