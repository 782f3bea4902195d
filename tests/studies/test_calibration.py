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
def test_a_diagram_holds_all_inputs_and_the_suites_error(seeds: int) -> None:
    rng = np.random.default_rng(0)
    p, labels = rng.dirichlet([0.3] * 4, 500), rng.integers(4, size=500)
    share, confidence, accuracy, low, high = reliability([predicted(p, labels)] * seeds).T
    assert share.sum() == pytest.approx(1)
    error = np.nansum(share * np.abs(confidence - accuracy))
    assert error == pytest.approx(metrics.expected_calibration_error(p, labels, 10), abs=1e-6)
    count, right = round(share[-1] * 500), round(share[-1] * 500 * accuracy[-1])
    interval = stats.binomtest(right, count).proportion_ci(0.95)
    # Seeds predict the same inputs: three of them make no more inputs than one.
    assert (low[-1], high[-1]) == pytest.approx((interval.low, interval.high), abs=1e-6)


@pytest.mark.slow
def test_sgd_is_surer_than_it_is_right_and_sgld_less_so(tmp_path: Path, loaded_once: None) -> None:
    study = Calibration(samplers="sgd sgld", epochs=30, seeds=1, jobs=1)
    found = study.run(tmp_path, print)
    assert found.numbers["over.sgld"] < found.numbers["over.sgd"] - 0.01
    assert found.text.count(" for ") == 4
