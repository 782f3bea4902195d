from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from bdlbench_studies.weights import Weights

from bdlbench.errors import BdlbenchError


@pytest.mark.slow
def test_sgld_spreads_single_weights_far_wider_than_sgd(tmp_path: Path) -> None:
    study = Weights(epochs=15, window=300, tracked=100, seeds=2)
    found = study.run(tmp_path, lambda line: None)
    assert found.numbers["ratio"] > 10
    assert found.numbers["wider"] > 0.95
    # Under the noise alone, a weight is a random walk of √ε a step: its standard deviation over
    # a window of m steps is √(εm/6) on average, 0.1 here; the posterior holds some back.
    assert 0.02 < found.numbers["std.sgld"] < 0.12
    table = pd.read_csv(tmp_path / "weights.csv")
    assert table["weight.sgld"][-30:].std() > 5 * table["weight.sgd"][-30:].std()


def test_a_window_longer_than_the_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BdlbenchError, match=r"window of at most 40 steps.* got 300; lower window"):
        Weights(epochs=1, window=300, seeds=1).run(tmp_path, lambda line: None)
