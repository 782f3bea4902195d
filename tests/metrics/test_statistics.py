from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats
from scipy.special import log_softmax

from bdlbench import metrics
from bdlbench.metrics import statistics
from bdlbench.metrics.bootstrap import _weighted_auroc
from bdlbench.metrics.scores import score
from bdlbench.metrics.statistics import (
    of_runs,
    paired_difference,
    paired_differences,
    seed_interval,
    with_points,
)
from bdlbench.records.predictions import Predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bdlbench.metrics.functions import Float64s

    Sets = Mapping[str, Predictions]

METRICS = [
    "accuracy",
    "negative_log_likelihood",
    "brier_score",
    "expected_calibration_error",
    "ood.letters.auroc",
]


def predictions(logits: Float64s, labels: Float64s | metrics.Labels) -> Predictions:
    return Predictions(
        log_probabilities=log_softmax(logits, axis=1).astype("f4"),
        expected_entropy=np.zeros(len(logits), "f4"),
        votes=logits.argmax(axis=1).astype("u1")[None],
        labels=labels.astype(np.int64),
    )


def run(seed: int, skill: float, inputs: int = 300, classes: int = 4) -> Sets:
    rng = np.random.default_rng(seed)
    labels = np.arange(inputs) % classes
    logits = rng.normal(size=(inputs, classes))
    # Rounded, so that some entropies tie.
    ood = np.round(rng.normal(size=(inputs - 50, classes)))
    return {
        "test": predictions(np.round(logits + skill * np.eye(classes)[labels]), labels),
        "letters": predictions(ood, np.zeros(inputs - 50)),
    }


def test_hand_worked_seed_interval() -> None:
    interval = seed_interval([1.0, 2.0, 3.0])
    half = 4.302653 / math.sqrt(3)  # t(0.975; 2) from a printed table, standard deviation 1
    assert interval.mean == 2.0
    assert interval.n == 3
    assert interval.low == pytest.approx(2 - half, abs=1e-6)
    assert interval.high == pytest.approx(2 + half, abs=1e-6)


def test_one_seed_has_no_interval_and_none_is_an_error() -> None:
    interval = seed_interval([0.5])
    assert (interval.mean, interval.low, interval.high, interval.n) == (0.5, None, None, 1)
    for values in ([], [1.0, math.nan]):
        with pytest.raises(ValueError, match="one finite value per seed"):
            seed_interval(values)


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_seed_interval_covers_95_percent(seeds: int) -> None:
    rng = np.random.default_rng(seeds)
    hits = 0
    for values in rng.normal(1.5, 0.3, size=(2000, seeds)):
        interval = seed_interval(values.tolist())
        assert interval.low is not None
        assert interval.high is not None
        hits += interval.low <= 1.5 <= interval.high
    # Binomial error of 2,000 trials: √(.95·.05/2000) = 0.0049; four of them.
    assert abs(hits / 2000 - 0.95) < 0.0195


@pytest.mark.parametrize("metric", METRICS)
def test_the_difference_is_that_of_the_scores(metric: str) -> None:
    a, b = [run(s, 1.0) for s in range(3)], [run(10 + s, 2.0) for s in range(3)]
    expected = np.mean([score(y)[metric] - score(x)[metric] for x, y in zip(a, b, strict=True)])
    found = paired_difference(metric, a, b, resamples=2)
    assert found.difference == pytest.approx(expected, rel=1e-12)
    assert (found.metric, found.seeds) == (metric, 3)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("seeds", [1, 3])
def test_identical_predictions_have_difference_0(metric: str, seeds: int) -> None:
    runs = [run(s, 1.0) for s in range(seeds)]
    found = paired_difference(metric, runs, runs, resamples=20)
    assert (found.difference, found.low, found.high, found.standard_error) == (0, 0, 0, 0)
    assert found.verdict == "no clear difference"


@pytest.mark.parametrize("metric", METRICS)
def test_the_more_skilful_sampler_is_better_in_either_direction(metric: str) -> None:
    # At skill 2 the predictions are close to calibrated; at 0 they are confident chance.
    poor, good = [run(s, 0.0) for s in range(3)], [run(20 + s, 2.0) for s in range(3)]
    assert paired_difference(metric, poor, good, resamples=100).verdict == "better"
    assert paired_difference(metric, good, poor, resamples=100).verdict == "worse"


# A standard deviation from R resamples has a relative error of 1/√(2R): 2.2 % for R = 1,000.
FOUR_MC_ERRORS = 4 / math.sqrt(2 * 1000)


@pytest.mark.parametrize(
    ("metric", "losses"),
    [
        ("accuracy", metrics.correct),
        ("negative_log_likelihood", metrics.log_losses),
        ("brier_score", metrics.squared_errors),
    ],
)
def test_point_error_of_a_mean_is_the_paired_closed_form(
    metric: str, losses: Callable[[Float64s, metrics.Labels], Float64s]
) -> None:
    a, b = run(1, 1.0), run(2, 2.0)
    d = losses(b["test"].probabilities, b["test"].labels)
    d = d - losses(a["test"].probabilities, a["test"].labels)
    found = paired_difference(metric, [a], [b])
    assert found.standard_error == pytest.approx(d.std() / math.sqrt(len(d)), rel=FOUR_MC_ERRORS)
    half = stats.t.ppf(0.975, 299) * found.standard_error
    assert found.high - found.difference == pytest.approx(half, rel=1e-9)


@pytest.mark.parametrize("inputs", [1, 2, 15, 16, 17, 33, 300])
def test_weighted_auroc_equals_auroc_of_repeated_inputs(inputs: int) -> None:
    rng = np.random.default_rng(inputs)
    inside, outside = (np.round(rng.normal(size=n), 1) for n in (inputs, 40))
    counts = [rng.integers(4, size=(n, 5)).astype("f4") for n in (inputs, 40)]
    for count in counts:
        count[0] = 1  # at least one input
    found = _weighted_auroc(inside, outside)(*counts)
    for column, value in enumerate(found):
        often = [
            np.repeat(x, c[:, column].astype(int))
            for x, c in zip((inside, outside), counts, strict=True)
        ]
        pairs = len(often[0]) * len(often[1])
        assert value * inputs * 40 == pytest.approx(metrics.auroc(*often) * pairs, rel=1e-12)
    plain = _weighted_auroc(inside, outside)(np.ones(inputs), np.ones(40))
    assert float(plain) == pytest.approx(metrics.auroc(inside, outside), rel=1e-12)


def delong_components(sets: Sets) -> tuple[Float64s, Float64s]:
    inside, outside = (
        metrics.predictive_entropy(sets[name].probabilities) for name in ("test", "letters")
    )
    wins = (np.sign(outside[:, None] - inside[None, :]) + 1) / 2
    return wins.mean(axis=0), wins.mean(axis=1)


def test_point_error_of_auroc_agrees_with_delong() -> None:
    a, b = run(3, 1.0, inputs=1000), run(4, 3.0, inputs=1000)
    components = zip(delong_components(a), delong_components(b), strict=True)
    delong = math.sqrt(sum((y - x).var(ddof=1) / len(x) for x, y in components))
    found = paired_difference("ood.letters.auroc", [a], [b])
    # Beyond the resampling error, bootstrap and DeLong differ by terms of order 1/n = 0.1 %.
    assert found.standard_error == pytest.approx(delong, rel=FOUR_MC_ERRORS + 0.005)


def test_point_error_of_calibration_agrees_with_resampling_the_predictions() -> None:
    a, b = run(5, 1.0)["test"], run(6, 2.0)["test"]
    rng, differences = np.random.default_rng(1), []
    for _ in range(1000):
        drawn = rng.integers(300, size=300)
        errors = [
            metrics.expected_calibration_error(x.probabilities[drawn], x.labels[drawn])
            for x in (a, b)
        ]
        differences.append(errors[1] - errors[0])
    found = paired_difference("expected_calibration_error", [{"test": a}], [{"test": b}])
    tolerance = math.sqrt(2) * FOUR_MC_ERRORS  # both values are resampled
    assert found.standard_error == pytest.approx(np.std(differences, ddof=1), rel=tolerance)


def seed_shifted(shift: float) -> Sets:
    """Return predictions whose negative log likelihood is 1 + shift at every test point."""
    p = math.exp(-1 - shift)
    return {"test": predictions(np.tile(np.log([p, 1 - p]), (50, 1)), np.zeros(50))}


def test_seed_error_alone_gives_the_t_interval_over_seeds() -> None:
    shifts = [0.1, 0.2, 0.16]
    a, b = [seed_shifted(0.0) for _ in shifts], [seed_shifted(s) for s in shifts]
    found = paired_difference("negative_log_likelihood", a, b, resamples=20)
    expected = seed_interval(shifts)  # points are equal: all variance is from seeds
    assert found.low == pytest.approx(expected.low, abs=1e-5)
    assert found.high == pytest.approx(expected.high, abs=1e-5)
    assert found.verdict == "worse"


def test_errors_add_in_quadrature_each_with_its_own_quantile() -> None:
    a, b = [run(s, 1.0) for s in range(3)], [run(30 + s, 1.5) for s in range(3)]
    found = paired_difference("brier_score", a, b, resamples=4000)

    def losses(sets: Sets) -> Float64s:
        return metrics.squared_errors(sets["test"].probabilities, sets["test"].labels)

    d = np.array([losses(y) - losses(x) for x, y in zip(a, b, strict=True)])
    over_seeds = d.mean(axis=1).var(ddof=1) / 3
    over_points = d.mean(axis=0).var() / d.shape[1]
    half = math.sqrt(4.302653**2 * over_seeds + 1.967930**2 * over_points)
    assert found.high - found.low == pytest.approx(2 * half, rel=4 / math.sqrt(2 * 4000))


def test_the_interval_with_points_adds_the_error_of_the_points_in_quadrature() -> None:
    runs = [run(s, 1.0) for s in range(3)]
    losses = np.array(
        [metrics.squared_errors(r["test"].probabilities, r["test"].labels) for r in runs]
    )
    found = with_points(
        seed_interval(losses.mean(axis=1).tolist()), of_runs("brier_score", runs, 4000), 300
    )
    over_seeds, over_points = losses.mean(axis=1).var(ddof=1) / 3, losses.mean(axis=0).var() / 300
    half = math.sqrt(4.302653**2 * over_seeds + 1.967930**2 * over_points)
    for end in (found.low_with_points, found.high_with_points):
        assert end is not None
        assert abs(end - found.mean) == pytest.approx(half, rel=4 / math.sqrt(2 * 4000))


def test_equal_points_add_nothing_and_one_seed_has_no_interval() -> None:
    runs = [seed_shifted(s) for s in (0.1, 0.2, 0.16)]
    values = of_runs("negative_log_likelihood", runs, 20)
    interval = seed_interval([x[0] for x in values])
    found = with_points(interval, values, 50)
    assert found.low_with_points == pytest.approx(interval.low, abs=1e-9)
    assert found.high_with_points == pytest.approx(interval.high, abs=1e-9)
    one = seed_interval([float(values[0][0])])
    assert with_points(one, values[:1], 50) == one


def test_interval_covers_when_seeds_and_points_both_vary() -> None:
    """Simulate runs with expected difference 0.4, and count how often intervals contain it."""
    rng = np.random.default_rng(0)
    trials, hits, naive_hits = 300, 0, 0
    for _ in range(trials):
        # Loss of point i under seed s: 3 for a, and 3.4 + seed effect + point effect for b.
        effects = 0.05 * rng.normal(size=(3, 1)) + 0.35 * rng.normal(size=60)
        a = [losses_as_predictions(np.full(60, 3.0)) for _ in range(3)]
        b = [losses_as_predictions(3.4 + e) for e in effects]
        found = paired_difference("negative_log_likelihood", a, b, resamples=60)
        hits += found.low <= 0.4 <= found.high
        means = effects.mean(axis=1) + 0.4
        naive_hits += means.min() <= 0.4 <= means.max()
    # Binomial error: √(.95·.05/300) = 0.0126; four of them. (60 resamples cost less than 1 %.)
    # No upper bound: with noise independent between points and seeds, it may be too wide.
    assert hits / trials > 0.95 - 0.05
    # The percentile bootstrap over 3 seeds is [min, max], with a coverage of at most 75 %.
    assert naive_hits / trials < 0.75 + 4 * math.sqrt(0.75 * 0.25 / trials)


@pytest.mark.parametrize("ratio", [0.1, 0.5, 2.0])
def test_the_interval_is_not_too_narrow_if_three_seeds_happen_to_agree(ratio: float) -> None:
    """`ratio`: error over seeds divided by error over points."""
    rng = np.random.default_rng(1)
    trials = 4000
    of_points, of_seeds = rng.normal(size=trials), ratio * rng.normal(size=(trials, 3))
    found = [
        statistics._difference("accuracy", point + seeds, 1.0)
        for point, seeds in zip(of_points, math.sqrt(3) * of_seeds, strict=True)
    ]
    covered = np.mean([difference.low <= 0 <= difference.high for difference in found])
    assert covered > 0.95 - 4 * math.sqrt(0.95 * 0.05 / trials)


def losses_as_predictions(losses: Float64s) -> Sets:
    p = np.exp(-losses)
    return {"test": predictions(np.log(np.column_stack([p, 1 - p])), np.zeros(len(losses)))}


def test_the_same_seed_gives_the_same_interval() -> None:
    a, b = [run(1, 1.0)], [run(2, 1.2)]
    first = paired_difference("accuracy", a, b, resamples=50, seed=1)
    assert paired_difference("accuracy", a, b, resamples=50, seed=1) == first
    assert paired_difference("accuracy", a, b, resamples=50, seed=2) != first
    pairs = [(a, b), (b, a)]
    both = paired_differences("accuracy", pairs, resamples=50, seed=1)
    assert both == [paired_difference("accuracy", *pair, resamples=50, seed=1) for pair in pairs]


def test_runs_that_cannot_be_compared_are_refused() -> None:
    one, two = run(1, 1.0), run(2, 1.0)
    with pytest.raises(ValueError, match="same seeds for both samplers, got 1 and 2"):
        paired_difference("accuracy", [one], [one, two])
    with pytest.raises(ValueError, match="got 0 and 0"):
        paired_difference("accuracy", [], [])
    with pytest.raises(ValueError, match=r"one of accuracy, .* got 'ood\.letters\.aupr'"):
        paired_difference("ood.letters.aupr", [one], [two])
    with pytest.raises(ValueError, match="expected a set named kana, got"):
        paired_difference("ood.kana.auroc", [one], [two])
    with pytest.raises(ValueError, match="at least 2 resamples, got 1"):
        paired_difference("accuracy", [one], [two], resamples=1)
    with pytest.raises(ValueError, match="expected the sets"):
        paired_difference("accuracy", [one], [{"test": two["test"]}])
    other = replace(two["test"], labels=two["test"].labels[::-1])
    with pytest.raises(ValueError, match="the same inputs in every test set"):
        paired_difference("accuracy", [one], [{**two, "test": other}])


def test_with_few_test_points_the_quantile_is_that_of_student() -> None:
    """Of 12 points: with the normal quantile, 7.6 % of the intervals would miss."""
    rng = np.random.default_rng(0)
    trials, points = 2000, 12
    losses = rng.normal(size=(trials, points))
    variances = losses.var(axis=1, ddof=1) / points
    found = [
        statistics._difference("accuracy", np.array([mean]), variance, points)
        for mean, variance in zip(losses.mean(axis=1), variances, strict=True)
    ]
    missed = np.mean([abs(one.difference) > one.high - one.difference for one in found])
    assert abs(missed - 0.05) < 4 * math.sqrt(0.05 * 0.95 / trials)
    assert np.mean([one.p <= 0.05 for one in found]) == pytest.approx(missed, abs=0.005)


def test_corrected_verdicts_of_equal_samplers_are_clear_in_at_most_5_percent() -> None:
    # Of 200 comparisons: 5 % and three standard errors of a share, √(0.05·0.95/300).
    rng, families, once, after = np.random.default_rng(0), 200, 0, 0
    for _ in range(families):
        found = [
            statistics._difference("accuracy", rng.normal(size=5), point_variance=0.0)
            for _ in range(14)
        ]
        once += any(one.verdict != statistics.UNCLEAR for one in found)
        after += any(one.verdict != statistics.UNCLEAR for one in statistics.corrected(found))
    assert after / families <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / families)
    assert once / families > 0.2, "without the correction"


def test_the_correction_leaves_what_is_clear_and_the_intervals() -> None:
    clear = statistics._difference("accuracy", np.array([0.30, 0.31, 0.29, 0.30]), 1e-6)
    borderline = statistics._difference("brier_score", np.array([0.1, 0.2, 0.3, 0.4]), 1e-6)
    neither = statistics._difference("width_90", np.array([0.3, 0.3, 0.3]), 1e-6)
    assert (clear.verdict, borderline.verdict, neither.verdict) == (
        "better",
        "worse",
        "no clear difference",
    )
    found = statistics.corrected([borderline, neither, clear])
    assert found[2] == clear
    assert found[1] == neither, "it has no direction"
    assert found[0] == borderline, "p = 0.03 is the last of two"
    found = statistics.corrected([borderline, clear, borderline])
    assert [one.verdict for one in found] == [
        "no clear difference",
        "better",
        "no clear difference",
    ]
    assert found[0].low == borderline.low
