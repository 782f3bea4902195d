from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from bdlbench_studies.weights import Weights

from bdlbench.errors import BdlbenchError


@pytest.mark.slow
def test_single_weights_vary_far_more_under_sgld_than_under_sgd(tmp_path: Path) -> None:
    study = Weights(epochs=15, window=300, tracked=100, seeds=2)
    finding = study.run(tmp_path, lambda line: None)
    assert finding.numbers["ratio"] > 10
    assert finding.numbers["wider"] > 0.95
    # Noise alone makes a weight a random walk with steps of √ε, whose standard deviation over a
    # window of m steps is √(εm/6) on average, 0.1 here; the posterior confines some weights.
    assert 0.02 < finding.numbers["std.sgld"] < 0.12
    table = pd.read_csv(tmp_path / "weights.csv")
    assert table["weight.sgld"][-30:].std() > 5 * table["weight.sgd"][-30:].std()


def test_a_window_longer_than_the_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BdlbenchError, match=r"window of at most 40 steps.* got 300; lower window"):
        Weights(epochs=1, window=300, seeds=1).run(tmp_path, lambda line: None)
