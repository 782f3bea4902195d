from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bdlbench_studies.calibration import Calibration, reliability
from scipy import stats

from bdlbench import metrics
from bdlbench.records.predictions import Predictions


def predicted(p: np.ndarray, labels: np.ndarray) -> dict[str, Predictions]:
    log_p = np.log(p).astype(np.float32)
    empty = np.zeros(len(p), np.float32)
    votes = p.argmax(1).astype(np.uint8)[None]
    return {"test": Predictions(log_p, empty, votes, labels.astype(np.int64))}


@pytest.mark.parametrize("seeds", [1, 3])
def test_a_diagram_covers_all_inputs_and_agrees_with_the_calibration_error(seeds: int) -> None:
    rng = np.random.default_rng(0)
    p, labels = rng.dirichlet([0.3] * 4, 500), rng.integers(4, size=500)
    share, confidence, accuracy, low, high = reliability([predicted(p, labels)] * seeds).T
    assert share.sum() == pytest.approx(1)
    error = np.nansum(share * np.abs(confidence - accuracy))
    assert error == pytest.approx(metrics.expected_calibration_error(p, labels, 10), abs=1e-6)
    count, right = round(share[-1] * 500), round(share[-1] * 500 * accuracy[-1])
    interval = stats.binomtest(right, count).proportion_ci(0.95)
    # All seeds share the test inputs, which count once.
    assert (low[-1], high[-1]) == pytest.approx((interval.low, interval.high), abs=1e-6)


@pytest.mark.slow
def test_sgd_is_more_overconfident_than_sgld(tmp_path: Path, loaded_once: None) -> None:
    study = Calibration(samplers="sgd sgld", epochs=30, seeds=1, jobs=1)
    finding = study.run(tmp_path, print)
    assert finding.numbers["over.sgld"] < finding.numbers["over.sgd"] - 0.01
    assert finding.text.count(" for ") == 4
