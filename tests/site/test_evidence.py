"""Calibration, confidence and learning curves, compared with hand-worked cases and metrics."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bdlbench import metrics
from bdlbench.comparison.summary import HEADLINE
from bdlbench.records.predictions import Predictions
from bdlbench.site import evidence


def predictions(p: Any, labels: Any, **history: Any) -> Predictions:
    p = np.asarray(p, dtype=np.float64)
    return Predictions(
        log_probabilities=np.log(p).astype(np.float32),
        expected_entropy=np.zeros(len(p), np.float32),
        votes=np.zeros((4, len(p)), np.uint8),
        labels=np.asarray(labels, dtype=np.int64),
        **history,
    )


HAND = predictions([[0.7, 0.3], [0.7, 0.3], [0.95, 0.05], [0.55, 0.45]], [0, 1, 0, 1])


def test_reliability_by_hand() -> None:
    filled = [b for b in evidence.reliability([HAND]) if b.count]
    assert [(b.count, b.accuracy) for b in filled] == [(1, 0), (2, 0.5), (1, 1)]
    assert [b.confidence for b in filled] == pytest.approx([0.55, 0.7, 0.95])
    assert [(b.low, b.high) for b in filled] == [(8 / 15, 9 / 15), (10 / 15, 11 / 15), (14 / 15, 1)]


def random_predictions(seed: int, n: int = 200) -> Predictions:
    rng = np.random.default_rng(seed)
    return predictions(rng.dirichlet(np.full(5, 0.4), n), rng.integers(5, size=n))


def test_the_bins_are_those_of_the_calibration_error() -> None:
    runs = [random_predictions(seed) for seed in range(2)]
    p = np.concatenate([run.probabilities for run in runs])
    y = np.concatenate([run.labels for run in runs])
    bins = evidence.reliability(runs)
    gaps = [b.count * abs(b.confidence - b.accuracy) for b in bins if b.count]  # type: ignore[operator]
    assert sum(b.count for b in bins) == 400
    assert sum(gaps) / 400 == pytest.approx(metrics.expected_calibration_error(p, y))


def test_histogram_by_hand() -> None:
    found = evidence.histogram("test", [HAND, HAND])
    assert {k: s for k, s in enumerate(found.shares) if s} == {11: 0.25, 14: 0.5, 19: 0.25}
    assert found.sure == 0.25
    certain = predictions([[1, 1e-30]], [0])
    assert evidence.histogram("test", [certain]).shares[-1] == 1, "1.0 is in the last bar"


class _Record:
    seed = 3


def test_a_learning_curve_ends_in_the_metrics_of_the_run() -> None:
    run = random_predictions(1)
    curve = np.stack([random_predictions(seed).log_probabilities for seed in (2, 3)])
    history = {
        "trace": np.zeros((4, 200), np.float32),
        "curve": curve.astype(np.float16),
        "epochs": np.array([1.0, 2.5, 3.0, 4.0]),
    }
    course = evidence.course(_Record(), {"test": replace(run, **history)}, None)  # type: ignore[arg-type]
    assert course is not None
    assert (course.seed, course.epochs) == (3, (1.0, 2.5, 4.0)), "after 1, 2 and all 4 draws"
    assert list(course.values) == list(HEADLINE)
    p = random_predictions(2).probabilities
    for name, values in course.values.items():
        metric = getattr(metrics, name)
        assert values[-1] == metric(run.probabilities, run.labels)
        assert values[0] == pytest.approx(metric(p, run.labels), abs=0.01), "stored as float16"
    assert evidence.course(_Record(), {"test": run}, None) is None  # type: ignore[arg-type]
