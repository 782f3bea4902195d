"""Predictive bands beside those of HMC."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bdlbench.runs import task_data, tasks
from bdlbench.study import create


@pytest.mark.slow
def test_the_widths_in_the_gap_are_those_of_the_bands(tmp_path: Path) -> None:
    settings = {"epochs": "40", "exact": "1000", "jobs": "1"}
    found = create("bands", settings).run(tmp_path, lambda line: None)
    table = pd.read_csv(tmp_path / "bands.csv")
    task = tasks.get("gap")
    sets = task_data.evaluation_sets(task, "test", ())
    # Every input of the gap is one row; a test input may have the same place.
    at = np.concatenate([sets["test"].x[:, 0], sets[task.ood_names[0]].x[:, 0]])
    order = np.argsort(at)
    np.testing.assert_allclose(table["x"], at[order], rtol=1e-6)  # as written
    inside = (order >= len(sets["test"])).astype(bool)
    for name in ("sgd", "sgld", "hmc"):
        assert (table[f"{name}.0.05"] < table[f"{name}.0.5"]).all()
        widths = table[f"{name}.0.95"] - table[f"{name}.0.05"]
        assert widths[inside].mean() == pytest.approx(found.numbers[f"width.{name}"], rel=1e-5)
    ratio = found.numbers["width.sgd"] / found.numbers["width.hmc"]
    assert f"sgd {ratio:.2f}" in found.text
