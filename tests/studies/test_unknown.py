from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from bdlbench_studies.unknown import Unknown


@pytest.mark.slow
def test_sgd_is_confident_in_more_letters_than_sgld(tmp_path: Path, loaded_once: None) -> None:
    finding = Unknown(epochs=20, seeds=2, jobs=1).run(tmp_path, print)
    assert finding.numbers["sgld.letters"] < 0.8 * finding.numbers["sgd.letters"]
    assert finding.numbers["sgld.letters"] < finding.numbers["sgld.test"]
    table = pd.read_csv(tmp_path / "unknown.csv")
    for name in ("sgd", "sgld"):
        assert table[f"{name}.letters"].sum() == pytest.approx(100), "the bins cover all letters"
        above = table[f"{name}.letters"][table["confidence from"] > 0.899].sum()
        assert above == pytest.approx(100 * finding.numbers[f"{name}.letters"], abs=1e-3)
    letters = pd.read_csv(tmp_path / "unknown-letters.csv")
    assert len(letters) == 10
    assert letters["sgd"].between(0.1, 1).all()
