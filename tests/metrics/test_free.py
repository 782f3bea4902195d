"""Metrics of stored class probabilities, and what every metric contributes to the bootstrap."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import log_softmax, logsumexp
from sklearn.metrics import roc_auc_score

from bdlbench import metrics
from bdlbench.metrics import calibration, conformal, functions, selective
from bdlbench.metrics.bootstrap import inputs, weighted
from bdlbench.metrics.catalogue import METRICS, split
from bdlbench.metrics.scores import score
from bdlbench.metrics.statistics import paired_difference
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import Predictions

if TYPE_CHECKING:
    from bdlbench.records.predictions import Predicted, Sets


def predictions(seed: int = 0, n: int = 60, classes: int = 4, draws: int = 3) -> Predictions:
    """Predictions with a trace, and with ties: logits are whole numbers."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    logits = rng.integers(-2, 3, (n, classes)) + np.eye(classes)[labels]
    return Predictions(
        log_probabilities=log_softmax(logits, axis=1).astype("f4"),
        expected_entropy=np.zeros(n, "f4"),
        votes=np.zeros((draws, n), "u1"),
        labels=labels,
        trace=-rng.exponential(size=(draws, n)).astype("f4"),
        curve=np.full(((draws - 1).bit_length(), n, classes), -math.log(classes), "f2"),
        epochs=np.arange(float(draws)),
    )


def of_confidence(confidence: list[float], right: list[bool]) -> Predictions:
    """Two classes, the first with the given probability; it is the label where `right`."""
    p = np.stack([confidence, 1 - np.array(confidence)], axis=1)
    labels = np.where(right, 0, 1)
    log_p = np.log(p).astype("f4")
    n = len(p)
    return Predictions(log_p, np.zeros(n, "f4"), np.zeros((1, n), "u1"), labels)


def test_hand_worked_selective_risks() -> None:
    three = of_confidence([0.9, 0.8, 0.7], [True, False, True])
    assert selective.aurc(three).value == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    # Generalised risks 0, 0, 1/3, 1/3 at coverages 0, 1/3, 2/3, 1, by trapezia.
    assert selective.augrc(three).value == pytest.approx((0 + 1 / 6 + 1 / 3) / 3)
    tied = of_confidence([0.9, 0.8, 0.8], [True, False, True])
    assert selective.aurc(tied).value == pytest.approx((0 + 0.5 / 2 + 1 / 3) / 3)
    assert selective.augrc(tied).value == pytest.approx((0 + 2 * 1 / 6) / 3)


@given(st.integers(0, 2**16), st.integers(2, 30))
def test_augrc_follows_from_accuracy_and_the_auroc_of_the_confidence(seed: int, n: int) -> None:
    p = predictions(seed, n)
    right = metrics.correct(p.probabilities, p.labels)
    a = right.mean()
    separation = 0.5
    if 0 < a < 1:
        ranks = metrics.dense_ranks(metrics.max_probability(p.probabilities))
        separation = roc_auc_score(right, -ranks)
    expected = (1 - separation) * a * (1 - a) + (1 - a) ** 2 / 2
    assert selective.augrc(p).value == pytest.approx(expected, abs=1e-12)


@given(st.integers(0, 2**16), st.integers(2, 30))
def test_selective_risks_do_not_depend_on_the_order_of_inputs(seed: int, n: int) -> None:
    p = predictions(seed, n)
    order = np.random.default_rng(seed).permutation(n)
    for metric in (selective.aurc, selective.augrc):
        shuffled: Any = taken(p, order)
        assert metric(shuffled).value == pytest.approx(metric(p).value, abs=1e-12)


def test_joint_nll_is_of_products_over_ten_inputs() -> None:
    p = predictions(n=60)
    assert p.trace is not None
    tens = p.trace.astype(float).reshape(3, 6, 10).sum(axis=2)
    expected = -(logsumexp(tens, axis=0) - math.log(3)).mean()
    assert score({"test": p})["joint_nll_10"] == pytest.approx(expected, rel=1e-12)
    assert expected < -p.trace.astype(float).reshape(3, -1).sum(axis=1).mean() / 6, "by Jensen"
    without = replace(p, trace=None, curve=None, epochs=None)
    assert "joint_nll_10" not in score({"test": without})
    assert "joint_nll_10" not in score({"test": predictions(n=9)})


def by_definition(p: Predictions) -> tuple[float, float]:
    """Return size and coverage of LAC sets, input by input."""
    probabilities, n = p.probabilities, len(p)
    sizes, covered = [], []
    for i in range(n):
        other = [j for j in range(n) if j % 2 != i % 2]
        own = sorted((probabilities[j, p.labels[j]] for j in other), reverse=True)
        needed = math.ceil(9 * (len(other) + 1) / 10)
        threshold = own[needed - 1] * (1 - 1e-9) if needed <= len(own) else 0.0
        inside = probabilities[i] >= threshold
        sizes.append(inside.sum())
        covered.append(inside[p.labels[i]])
    return float(np.mean(sizes)), float(np.mean(covered))


@pytest.mark.parametrize("n", [2, 3, 17, 18, 19, 20, 61])
def test_conformal_sets_follow_their_definition(n: int) -> None:
    p = predictions(n, n)
    found = conformal.set_size(p), conformal.coverage(p)
    values = [parts.value for parts in found if parts]
    assert values == pytest.approx(by_definition(p), abs=1e-12)
    if n < 17:  # eight in a half are too few for 90 %
        assert values == [4, 1]


def test_conformal_sets_cover_90_percent_also_of_wrong_probabilities() -> None:
    n = 4000
    found = conformal.coverage(predictions(5, n))
    assert found is not None
    # Up to ties, which only add classes, coverage given the other half has a standard deviation of
    # √(2·0.09/2000) for each half; four of the mean's.
    assert found.value > 0.9 - 4 * math.sqrt(0.09 / 2000)


def test_classwise_calibration_error_is_the_mean_of_those_of_torchmetrics() -> None:
    torch = pytest.importorskip("torch")
    reference = pytest.importorskip("torchmetrics.functional.classification")
    p = predictions(3, 200)
    errors = [
        reference.binary_calibration_error(
            torch.from_numpy(p.probabilities[:, k].copy()),
            torch.from_numpy((p.labels == k) * 1),
            15,
        )
        for k in range(4)
    ]
    # torchmetrics adds in float32: 200 numbers with errors of 2⁻²⁴ each.
    found = score({"test": p})["classwise_calibration_error"]
    assert found == pytest.approx(np.mean(errors), abs=200 * 2**-24)


def taken(predicted: Predicted, rows: np.ndarray) -> Predicted:
    """Return the predictions for some of the inputs, also several times."""
    if isinstance(predicted, Densities):
        return Densities(
            predicted.location[:, rows], predicted.scale[:, rows], predicted.df,
            predicted.targets[rows],
        )  # fmt: skip
    return replace(
        predicted,
        log_probabilities=predicted.log_probabilities[rows],
        expected_entropy=predicted.expected_entropy[rows],
        votes=predicted.votes[:, rows],
        labels=predicted.labels[rows],
        trace=None, curve=None, epochs=None,
    )  # fmt: skip


def densities(seed: int, n: int = 60) -> Densities:
    rng = np.random.default_rng(seed)
    location, scale = rng.normal(size=(3, n)), rng.uniform(0.3, 1, (3, n))
    return Densities(
        location.astype("f4"), scale.astype("f4"), np.array(np.inf), rng.normal(size=n)
    )


CLASSES: Sets = {"test": predictions(0), "letters": predictions(1, 40), "shift-x": predictions(2)}
REAL: Sets = {"test": densities(0), "far": densities(1, 40), "shift-x": densities(2)}
ALL = [
    (kind, name) for kind, sets in (("classes", CLASSES), ("real", REAL)) for name in score(sets)
]
# Resamples break the places of the inputs, which these depend on; both have their own tests.
PLACED = {"epistemic_share", "joint_nll_10", "conformal_set_size", "conformal_coverage"}


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_weights_of_one_give_the_score(kind: str, name: str) -> None:
    sets = CLASSES if kind == "classes" else REAL
    if name == "epistemic_share":
        with pytest.raises(ValueError, match="expected a metric of test inputs"):
            weighted(name, sets)
        return
    ones = [np.ones((n, 2)) for n in inputs(name, sets)]
    # Sums of at most 10³ numbers in another order.
    expected = pytest.approx(score(sets)[name], rel=1e-12, abs=1e-15)
    assert list(weighted(name, sets)(*ones)) == [expected, expected]


@pytest.mark.parametrize(("kind", "name"), [one for one in ALL if one[1] not in PLACED])
def test_the_bootstrap_is_recomputation_on_resampled_inputs(kind: str, name: str) -> None:
    sets = CLASSES if kind == "classes" else REAL
    rng = np.random.default_rng(0)
    general, of = split(name)
    of = "shift-x" if general.startswith("shift.") else of
    used = ["test"] if of is None else [of] if len(inputs(name, sets)) == 1 else ["test", of]
    rows = {one: np.sort(rng.integers(len(sets[one]), size=len(sets[one]))) for one in used}
    again = {**sets, **{one: taken(sets[one], found) for one, found in rows.items()}}
    counts = [np.bincount(rows[one], minlength=len(sets[one])).astype(float) for one in used]
    found = weighted(name, sets)(*(count[:, None] for count in counts))
    assert found == pytest.approx([score(again)[name]], rel=1e-9, abs=1e-12)
    assert found != pytest.approx([score(sets)[name]], rel=1e-9), "the resample must differ"


def test_conformal_resamples_keep_the_halves() -> None:
    p = predictions(0, 60)
    rng = np.random.default_rng(1)
    halves = [2 * rng.integers(30, size=30) + half for half in (0, 1)]
    rows = np.stack(halves, axis=1).ravel()  # even and odd places stay what they are
    weights = np.bincount(rows, minlength=60).astype(float)[:, None]
    for metric in (conformal.set_size, conformal.coverage):
        parts, again = metric(p), metric(taken(p, rows))  # type: ignore[arg-type]
        assert parts is not None
        assert again is not None
        assert parts(weights) == pytest.approx([again.value], rel=1e-12)


def test_every_built_in_metric_is_tested_here() -> None:
    names = {split(name)[0] for _, name in ALL}
    assert names == {metric.name for metric in METRICS}


def test_a_metric_without_direction_has_no_verdict() -> None:
    wide = replace(densities(0), scale=np.full((3, 1), 9, "f4"))
    found = paired_difference("coverage_50", [{"test": densities(0)}], [{"test": wide}], 100)
    assert found.low > 0
    assert found.verdict == "no clear difference"
    better = paired_difference("lppd", [{"test": wide}], [{"test": densities(0)}], 100)
    assert better.verdict == "better"


def test_the_ece_of_a_calibrated_predictor() -> None:
    rng, n, draws = np.random.default_rng(0), 500, 2000
    p = rng.dirichlet(0.2 * np.ones(5), size=n)
    blank, log_p = np.zeros(n, int), np.log(p + 1e-30).astype("f4")
    given = Predictions(log_p, np.zeros(n, "f4"), blank[None].astype("u1"), blank)
    bins, _ = functions.calibration_gaps(p, blank)
    confidence = p.max(axis=1)
    right = rng.random((draws, n)) < confidence
    eces = [np.abs(np.bincount(bins, weights=confidence - one)).sum() / n for one in right]
    # The error of a simulated mean is 1 % of the spread of ECEs, a third of their mean; the normal
    # approximation of the sums changes the mean by about 1 %, and the quantile by about 2 %.
    assert calibration.if_calibrated(given).value == pytest.approx(np.mean(eces), rel=0.03)
    most = calibration.if_calibrated_at_most(given).value
    assert most == pytest.approx(np.quantile(eces, 0.975), rel=0.05)
