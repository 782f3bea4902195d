from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import log_softmax, softmax
from torchmetrics.classification import MulticlassCalibrationError

from bdlbench import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from bdlbench.metrics.functions import Float64s, Floats, Labels

# Four inputs, three classes; the third is wrong, the fourth right with probability 1.
P = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.6, 0.3, 0.1], [0.0, 0.0, 1.0]])
Y = np.array([0, 1, 1, 2])


def test_hand_worked_accuracy_likelihood_and_brier() -> None:
    assert metrics.accuracy(P, Y) == 0.75
    expected = -(math.log(0.5) + math.log(0.8) + math.log(0.3) + math.log(1.0)) / 4
    assert metrics.negative_log_likelihood(P, Y) == pytest.approx(expected, rel=1e-14)
    # 0.25 + 0.0625·2;  0.04 + 0.01·2;  0.36 + 0.49 + 0.01;  0
    assert metrics.brier_score(P, Y) == pytest.approx((0.375 + 0.06 + 0.86) / 4, rel=1e-14)


def test_an_impossible_label_costs_708_nats_and_the_brier_score_reaches_2() -> None:
    p, y = np.array([[1.0, 0.0]]), np.array([1])
    assert metrics.negative_log_likelihood(p, y) == pytest.approx(708.396, abs=1e-3)
    assert metrics.brier_score(p, y) == 2.0


@pytest.mark.parametrize(
    ("confidence", "expected_bin"),
    [
        *((0.5, 4), (np.nextafter(0.5, 1), 4), (0.5 + 1e-8, 5)),
        *((0.7, 6), (np.nextafter(0.7, 1), 6), (0.7 + 1e-8, 7), (1.0, 9)),
    ],
)
def test_calibration_bins_are_closed_on_the_right(confidence: float, expected_bin: int) -> None:
    p = np.array([[confidence, 1 - confidence]])
    assert metrics.calibration_gaps(p, np.array([0]), bins=10)[0] == [expected_bin]


def test_hand_worked_calibration_error_counts_a_confidence_of_one() -> None:
    # Confidences .5 (right), .8 (right), .6 (wrong), 1 (right); in two bins only .5 is in (0, ½].
    expected = (abs(0.5 - 1) + abs(2.4 - 2)) / 4
    assert metrics.expected_calibration_error(P, Y, bins=2) == pytest.approx(expected, rel=1e-14)
    surely_wrong = np.array([[1.0, 0.0]] * 3)
    assert metrics.expected_calibration_error(surely_wrong, np.array([1, 1, 1])) == 1.0


def test_hand_worked_adaptive_calibration_error() -> None:
    p1 = np.array([0.9, 0.2, 0.4, 0.6])
    p, y = np.column_stack([1 - p1, p1]), np.array([1, 0, 1, 0])
    # Class 1 in two ranges: {.2 no, .4 yes}, {.6 no, .9 yes}; class 0 is its mirror image.
    expected = (abs(0.3 - 0.5) + abs(0.75 - 0.5)) / 2
    assert metrics.adaptive_calibration_error(p, y, bins=2) == pytest.approx(expected, rel=1e-14)


def test_adaptive_calibration_error_shares_the_outcomes_of_ties() -> None:
    p, y = np.full((4, 2), 0.5), np.array([0, 0, 1, 1])
    assert metrics.adaptive_calibration_error(p, y, bins=2) == 0.0


def random_predictions(seed: int, scale: float, n: int = 500) -> tuple[Float64s, Labels]:
    rng = np.random.default_rng(seed)
    return softmax(scale * rng.normal(size=(n, 10)), axis=1), rng.integers(0, 10, n)


@pytest.mark.parametrize("scale", [0.1, 1.0, 5.0])
def test_against_scikit_learn_and_torchmetrics(scale: float) -> None:
    p, y = random_predictions(0, scale)
    assert metrics.accuracy(p, y) == sklearn.metrics.accuracy_score(y, p.argmax(axis=1))
    loss = sklearn.metrics.log_loss(y, p, labels=list(range(10)))
    assert metrics.negative_log_likelihood(p, y) == pytest.approx(loss, rel=1e-9)
    brier = 10 * sklearn.metrics.mean_squared_error(np.eye(10)[y], p)
    assert metrics.brier_score(p, y) == pytest.approx(brier, rel=1e-9)
    # torchmetrics closes its bins on the left; the two agree where no confidence is on an edge.
    other = MulticlassCalibrationError(num_classes=10, n_bins=15, norm="l1")
    error = float(other(torch.from_numpy(p), torch.from_numpy(y)))
    assert metrics.expected_calibration_error(p, y) == pytest.approx(error, abs=1e-6)


def test_adaptive_calibration_error_against_its_definition_in_loops() -> None:
    p, y = random_predictions(1, 1.0, n=300)
    total = 0.0
    for k in range(10):
        order = sorted(range(300), key=lambda i: p[i, k])
        for r in range(15):
            members = order[20 * r : 20 * r + 20]
            total += abs(sum(p[i, k] - (y[i] == k) for i in members)) / 20
    assert metrics.adaptive_calibration_error(p, y) == pytest.approx(total / 150, rel=1e-12)


def test_entropy_of_uniform_and_of_confident_predictions() -> None:
    p = np.array([[0.25] * 4, [1.0, 0, 0, 0], [0.5, 0.5, 0, 0]])
    expected = [math.log(4), 0.0, math.log(2)]
    np.testing.assert_allclose(metrics.predictive_entropy(p), expected, rtol=1e-14)
    np.testing.assert_allclose(metrics.max_probability(p), [0.75, 0.0, 0.5], rtol=1e-14)


@pytest.mark.parametrize("score", [metrics.predictive_entropy, metrics.max_probability])
def test_scores_rank_logit_gaps_that_round_to_probability_one(
    score: Callable[[Floats], Float64s],
) -> None:
    gaps = np.arange(30.0, 700.0, 5.0)
    p = np.exp(log_softmax(np.column_stack([gaps, np.zeros_like(gaps)]), axis=1))
    assert len(np.unique(p.max(axis=1))) < 5  # the maximum itself cannot rank them
    assert (np.diff(score(p)) < 0).all()


def test_mutual_information_by_hand() -> None:
    # Two draws, each certain of a different class: the mean is uniform, each entropy is 0.
    p = np.array([[0.5, 0.5]])
    assert metrics.mutual_information(p, np.array([0.0])) == pytest.approx([math.log(2)])
    assert metrics.mutual_information(p, np.array([math.log(2)])) == [0.0]


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0, 100.0])
def test_a_single_draw_stored_as_float32_has_no_mutual_information(scale: float) -> None:
    log_p = log_softmax(scale * np.random.default_rng(0).normal(size=(2000, 10)), axis=1)
    entropy = metrics.predictive_entropy(np.exp(log_p)).astype(np.float32)
    p = np.exp(log_p.astype(np.float32).astype(np.float64))
    information = metrics.mutual_information(p / p.sum(axis=1, keepdims=True), entropy)
    assert (information == 0).all()


def test_hand_worked_detection() -> None:
    inside, outside = np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0])
    assert metrics.auroc(inside, outside) == pytest.approx((1 + 0.5 + 0 + 3) / 6, rel=1e-14)
    # In descending order: 4 is OOD (precision 1), 3 is not, 2 is, with a tie (precision 2/4).
    assert metrics.average_precision(inside, outside) == pytest.approx(0.5 * 1 + 0.5 * 0.5)
    assert metrics.fpr_at_95_tpr(inside, outside) == pytest.approx(2 / 3, rel=1e-14)


@pytest.mark.parametrize(("count", "threshold"), [(19, 0), (20, 1), (21, 1), (40, 2), (100, 5)])
def test_fpr_misses_at_most_five_percent(count: int, threshold: int) -> None:
    # OOD scores 0, 1, …: the threshold is 5 % of their number, rounded down.
    inside = np.array([threshold - 0.5, float(threshold)])
    assert metrics.fpr_at_95_tpr(inside, np.arange(count, dtype=np.float64)) == 0.5


@pytest.mark.parametrize("size", [7, 20, 333])
def test_fpr_against_scikit_learns_curve(size: int) -> None:
    rng = np.random.default_rng(size)
    inside, outside = rng.integers(0, 30, 400) / 1.0, rng.integers(10, 40, size) / 1.0
    truth = np.arange(400 + size) >= 400
    pooled = np.concatenate([inside, outside])
    fpr, tpr, _ = sklearn.metrics.roc_curve(truth, pooled, drop_intermediate=False)
    assert metrics.fpr_at_95_tpr(inside, outside) == fpr[tpr >= 0.95][0]


LOGITS = arrays(np.float64, st.tuples(st.integers(1, 20), st.just(3)), elements=st.floats(-50, 50))
SCORES = arrays(np.float64, st.integers(1, 12), elements=st.integers(-4, 4).map(float))


@settings(deadline=None)
@given(logits=LOGITS, bins=st.integers(1, 20), data=st.data())
def test_metrics_are_in_range_and_independent_of_order(
    logits: Float64s, bins: int, data: st.DataObject
) -> None:
    p, n = softmax(logits, axis=1), len(logits)
    y = np.array(data.draw(st.lists(st.integers(0, 2), min_size=n, max_size=n)))
    order = np.array(data.draw(st.permutations(range(n))))
    assert 0 <= metrics.brier_score(p, y) <= 2 + 1e-12
    assert metrics.negative_log_likelihood(p, y) >= 0
    assert (metrics.predictive_entropy(p) <= math.log(3) + 1e-12).all()
    for error in (metrics.expected_calibration_error, metrics.adaptive_calibration_error):
        assert 0 <= error(p, y, bins) <= 1 + 1e-12
        assert error(p[order], y[order], bins) == pytest.approx(error(p, y, bins), abs=1e-12)


@settings(deadline=None)
@given(inside=SCORES, outside=SCORES)
def test_auroc_counts_pairs_and_depends_on_ranks_only(inside: Float64s, outside: Float64s) -> None:
    pairs = np.sign(outside[:, None] - inside[None, :])
    value = metrics.auroc(inside, outside)
    assert value == pytest.approx((pairs.mean() + 1) / 2, abs=1e-12)
    assert metrics.auroc(outside, inside) == pytest.approx(1 - value, abs=1e-12)
    assert metrics.auroc(np.exp(inside), np.exp(outside)) == pytest.approx(value, abs=1e-12)


@pytest.mark.parametrize(
    ("p", "y", "message"),
    [
        ([0.5, 0.5], [0], "shape"),
        (np.empty((0, 3)), [], "shape"),
        ([[0.5, np.nan]], [0], "finite"),
        ([[1.5, -0.5]], [0], "non-negative"),
        ([[0.5, 0.499]], [0], "sum to 1, got a row that differs by 0.001"),
        ([[0.5, 0.5]], [0, 1], "expected 1 integer labels"),
        ([[0.5, 0.5]], [0.0], "integer labels, got float64"),
        ([[0.5, 0.5]], [2], r"labels in 0\.\.1, got 2\.\.2"),
        ([[0.5, 0.5]], [-1], r"labels in 0\.\.1"),
    ],
)
def test_invalid_input_is_refused(p: object, y: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        metrics.accuracy(np.asarray(p), np.asarray(y))


def test_rows_may_differ_from_one_by_rounding() -> None:
    assert metrics.accuracy(np.array([[0.50005, 0.5]]), np.array([0])) == 1.0


@pytest.mark.parametrize("function", [metrics.auroc, metrics.average_precision])
@pytest.mark.parametrize("bad", [[], [np.nan], [[0.0]]])
def test_invalid_scores_are_refused(function: Callable[..., float], bad: list[float]) -> None:
    with pytest.raises(ValueError, match="vector of finite scores"):
        function(np.array([0.0]), np.array(bad))


def test_invalid_bins_and_entropies_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1 bin, got 0"):
        metrics.expected_calibration_error(P, Y, bins=0)
    with pytest.raises(ValueError, match="expected entropies"):
        metrics.mutual_information(P, np.zeros(3))
