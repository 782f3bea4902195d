"""Rank intervals: compared with `paired_difference`, by hand, and by their coverage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from bdlbench.metrics import ranking
from bdlbench.metrics.bootstrap import inputs, resample, weighted
from bdlbench.metrics.catalogue import general
from bdlbench.metrics.statistics import paired_difference
from bdlbench.records.predictions import Predictions
from tests import synthetic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bdlbench.metrics.bootstrap import Runs
    from bdlbench.metrics.functions import Float64s

METRICS = ["accuracy", "negative_log_likelihood", "expected_calibration_error", "ood.letters.auroc"]


def run(seed: int, skill: float, size: int = 300) -> dict[str, Predictions]:
    return synthetic.predict(np.random.default_rng(seed), skill, size, draws=2, history=False)


def test_holm_by_hand() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04; times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04; never decreasing.
    found = ranking.holm(np.array([0.01, 0.04, 0.03, 0.005]))
    np.testing.assert_allclose(found, [0.03, 0.06, 0.06, 0.02], rtol=1e-12)
    np.testing.assert_array_equal(ranking.holm(np.array([0.9, 0.8])), [1.0, 1.0])
    assert ranking.holm(np.array([])).shape == (0,)


@pytest.mark.parametrize("metric", METRICS)
def test_pairs_are_tested_as_in_paired_difference(metric: str) -> None:
    seeds = [(0, 1, 2), (0, 1, 2), (0, 2), (1,), (7,)]
    entries = [
        {seed: run(100 * e + seed, 1.0 + 0.3 * e) for seed in seeds_of}
        for e, seeds_of in enumerate(seeds)
    ]
    functions = [{s: weighted(metric, sets) for s, sets in entry.items()} for entry in entries]
    values = resample(functions, inputs(metric, entries[0][0]))
    pairs = ranking.compare_pairs(metric, values, points=300)
    difference, p_values = general(metric).sign * pairs.ahead, pairs.p
    for i in range(5):
        for j in range(5):
            common = sorted(entries[i].keys() & entries[j].keys())
            if not common or i == j:
                assert p_values[i, j] == 1
                continue
            a, b = ([entries[k][seed] for seed in common] for k in (i, j))
            expected = paired_difference(metric, a, b)
            assert difference[i, j] == pytest.approx(expected.difference, rel=1e-12)
            each = [
                paired_difference(metric, [x], [y], 2).difference for x, y in zip(a, b, strict=True)
            ]
            n = len(common)
            over_seeds = np.var(each, ddof=1) / n if n > 1 else 0.0
            over_points = expected.standard_error**2 - over_seeds
            t = stats.t.isf(p_values[i, j] / 2, max(n - 1, 1))
            z = stats.t.isf(p_values[i, j] / 2, 299)
            bound = np.sqrt(t**2 * over_seeds + z**2 * over_points)
            if p_values[i, j] > 1e-25:  # smaller ones are not resolved
                assert bound == pytest.approx(abs(expected.difference), rel=0.02, abs=1e-4)
            else:
                assert bound <= abs(expected.difference)


@pytest.mark.parametrize("level", [0.05, 0.05 / 15, 0.05 / 66])
@pytest.mark.parametrize("points", [0.0, 0.1, 0.3, 1.0])
def test_p_values_are_conservative_far_out_in_the_tail(points: float, level: float) -> None:
    """Draw differences with mean 0 and variance 1 over three seeds, plus that of the points."""
    rng, n = np.random.default_rng(0), 200_000
    difference = rng.normal(size=n) * np.sqrt(1 + points)
    over_seeds = rng.chisquare(2, n) / 2
    p = ranking.p_values(difference, over_seeds, np.full(n, points), np.full(n, 3))
    assert (p <= level).mean() <= level + 4 * np.sqrt(level / n)
    if not points:  # Student's t-test
        assert (p <= level).mean() >= 0.98 * level - 4 * np.sqrt(level / n)


def fake(values: Float64s) -> Runs:
    """Return runs with these losses at the test points, (seeds, points)."""
    return {seed: lambda w, x=x: np.asarray(x @ w / len(x)) for seed, x in enumerate(values)}


def rank_intervals(metric: str, entries: Sequence[Runs]) -> list[tuple[int, int]]:
    return ranking.rank_intervals(ranking.compare_pairs(metric, resample(entries, [50]), 50))


def test_ranks_by_hand() -> None:
    # Losses that hardly vary: 1 and 1 are tied, 2 is worse than both, 3 than all.
    rng = np.random.default_rng(0)
    entries = [fake(level + 1e-3 * rng.normal(size=(3, 50))) for level in (3, 1, 2, 1)]
    found = rank_intervals("negative_log_likelihood", entries)
    assert found == [(4, 4), (1, 2), (3, 3), (1, 2)]
    # Higher accuracy is better.
    assert rank_intervals("accuracy", entries) == [(1, 1), (3, 4), (2, 2), (3, 4)]
    assert rank_intervals("accuracy", entries[:1]) == [(1, 1)]


def test_identical_runs_never_differ_significantly() -> None:
    values = np.random.default_rng(0).normal(size=(3, 50))
    entries = [fake(values) for _ in range(4)]
    assert rank_intervals("accuracy", entries) == [(1, 4)] * 4
