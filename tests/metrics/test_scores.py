from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from bdlbench import metrics
from bdlbench.metrics.scores import METRICS, describe, score
from bdlbench.records.predictions import Predictions, read, save

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def predictions(
    p: Sequence[Sequence[float]], labels: Sequence[int], expected_entropy: Sequence[float]
) -> Predictions:
    probabilities = np.array(p)
    return Predictions(
        log_probabilities=np.log(probabilities).astype("f4"),
        expected_entropy=np.array(expected_entropy, dtype="f4"),
        votes=probabilities.argmax(axis=1).astype("u1")[None],
        labels=np.array(labels, dtype=np.int64),
    )


TEST = predictions([[0.8, 0.2], [0.3, 0.7], [0.6, 0.4]], [0, 1, 1], [0.4, 0.6, 0.1])
# The entropies of these rows tie with none of the above; the first is confident, the second not.
OOD = predictions([[0.95, 0.05], [0.45, 0.55]], [7, 8], [0.1, 0.0])


def test_hand_worked_scores() -> None:
    results = score({"test": TEST, "letters": OOD})
    assert results["accuracy"] == pytest.approx(2 / 3)
    assert results["negative_log_likelihood"] == pytest.approx(-np.log([0.8, 0.7, 0.4]).mean())
    assert results["brier_score"] == pytest.approx((0.08 + 0.18 + 0.72) / 3, rel=1e-6)
    # The first OOD input is the least uncertain, the second the most: 3 of 6 pairs.
    assert results["ood.letters.auroc"] == 0.5
    assert results["ood.letters.max_probability.auroc"] == 0.5
    # Mutual information: .100, .011, .573 inside; .099, .688 outside: 1 + 3 of 6 pairs.
    assert results["ood.letters.mutual_information.auroc"] == pytest.approx(4 / 6)
    assert results["ood.letters.mutual_information.fpr_at_95_tpr"] == pytest.approx(2 / 3)
    assert results["ood.letters.fpr_at_95_tpr"] == 1.0
    assert results["ood.letters.average_precision"] == pytest.approx(0.5 * 1 + 0.5 * 2 / 5)
    assert results["ood.letters.confident_fraction"] == 0.5


def test_every_metric_is_described_and_no_other_is_computed() -> None:
    results = score({"validation": TEST, "letters": OOD, "not-mnist": OOD})
    described = [m.name for m in METRICS if m.kind != "real" and m.name != "joint_nll_10"]
    wanted = [name for name in described if "<set>" not in name]
    for name in ("letters", "not-mnist"):
        wanted += [m.replace("<set>", name) for m in described if m.startswith("ood.")]
    assert list(results) == wanted
    for name in results:
        metric = describe(name)
        assert metric.name == name
        assert "<set>" not in metric.label + metric.definition
        assert metric.definition.endswith(".")
    labels = [describe(name).label for name in results]
    assert len(set(labels)) == len(labels)


def test_directions_point_from_the_worst_to_the_best_predictions() -> None:
    sure, unsure = [0.9999, 0.0001], [0.5001, 0.4999]
    best = {
        "test": predictions([sure] * 2, [0, 0], [0.0] * 2),
        "ood": predictions([unsure] * 2, [0, 0], [0.0] * 2),
    }
    worst = {
        "test": predictions([unsure, sure[::-1]], [0, 0], [0.0] * 2),
        "ood": predictions([sure] * 2, [0, 0], [0.0] * 2),
    }
    worst["test"] = replace(worst["test"], expected_entropy=np.array([0, 0], "f4"))
    good, bad = score(best), score(worst)
    # The share is no measure of quality; two inputs give sets of all classes, whatever p is.
    for name in good.keys() - {"epistemic_share", "conformal_set_size"}:
        if sign := describe(name).sign:
            assert sign * good[name] > sign * bad[name], name


def test_the_epistemic_share_is_0_if_draws_agree_and_1_if_they_contradict() -> None:
    half = [[0.5, 0.5]] * 2
    agreed = predictions(half, [0, 1], [float(np.log(2))] * 2)  # all draws agree
    split = predictions(half, [0, 1], [0.0] * 2)  # draws are certain, half of them of each class
    assert score({"test": agreed, "ood": agreed})["epistemic_share"] == 0
    assert score({"test": split, "ood": split})["epistemic_share"] == pytest.approx(1)
    assert score({"test": agreed, "ood": split})["epistemic_share"] == pytest.approx(0.5)


def test_the_default_score_is_the_predictive_entropy() -> None:
    p = np.random.default_rng(0).dirichlet([0.5] * 3, 40)
    sets = {
        "test": predictions(p[:20].tolist(), [0] * 20, [0.0] * 20),
        "ood": predictions(p[20:].tolist(), [0] * 20, [0.0] * 20),
    }
    results, truth = score(sets), np.arange(40) >= 20
    by_entropy = roc_auc_score(truth, -(p * np.log(p)).sum(axis=1))
    by_maximum = roc_auc_score(truth, -p.max(axis=1))
    assert by_entropy != by_maximum
    assert results["ood.ood.auroc"] == pytest.approx(by_entropy)
    assert results["ood.ood.max_probability.auroc"] == pytest.approx(by_maximum)


def test_scoring_a_saved_file_gives_the_same_numbers(tmp_path: Path) -> None:
    sets = {"letters": OOD, "test": TEST}
    save(tmp_path / "p.npz", sets)
    assert score(read(tmp_path / "p.npz")) == score(sets)


def test_the_same_predictions_may_be_in_and_out_of_distribution() -> None:
    assert score({"test": TEST, "same": TEST})["ood.same.auroc"] == 0.5


def test_there_is_exactly_one_in_distribution_set() -> None:
    with pytest.raises(ValueError, match=r"one set named test or validation, got \['letters'\]"):
        score({"letters": OOD})
    with pytest.raises(ValueError, match=r"got \['test', 'validation'\]"):
        score({"test": TEST, "validation": TEST})
    with pytest.raises(ValueError, match=r"labels in 0\.\.1, got 7\.\.8"):
        score({"test": OOD})


@pytest.mark.parametrize("name", ["", "auroc", "ood.x", "ood.x.accuracy", "ood.auroc", "Accuracy"])
def test_an_unknown_metric_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"expected one of accuracy, .*, got"):
        describe(name)


def test_metrics_are_named_after_their_functions() -> None:
    results = score({"test": TEST, "ood": OOD})
    p, y = TEST.probabilities, TEST.labels
    # Sums of at most 45 numbers in another order: relative errors below 45·2⁻⁵³ < 1e-14.
    by_bin, by_range = (f"{name}_calibration_error" for name in ("expected", "adaptive"))
    assert results[by_bin] == pytest.approx(metrics.expected_calibration_error(p, y), rel=1e-14)
    assert results[by_range] == pytest.approx(metrics.adaptive_calibration_error(p, y), rel=1e-14)
