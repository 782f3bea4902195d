from __future__ import annotations

from pathlib import Path

import pandas as pd

from bdlbench.studies.weights import Weights


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
