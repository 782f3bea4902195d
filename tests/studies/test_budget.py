from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pandas as pd
import pytest
import torch
from bdlbench_studies.budget import BudgetCurves, evenly


class Few(BudgetCurves):
    epochs: ClassVar[tuple[int, ...]] = (5, 20)
    draws: ClassVar[tuple[int, ...]] = (1, 10)


@pytest.mark.slow
def test_more_epochs_and_more_draws_improve_predictions(tmp_path: Path, loaded_once: None) -> None:
    finding = Few(samplers="sgd sgld", seeds=1, jobs=1).run(tmp_path, print)
    for name in ("sgd", "sgld"):
        for metric in ("negative_log_likelihood", "brier_score"):
            assert finding.numbers[f"{metric}.{name}.20"] < finding.numbers[f"{metric}.{name}.5"]
        assert finding.numbers[f"accuracy.{name}.20"] > finding.numbers[f"accuracy.{name}.5"]
    # By Jensen's inequality: averaged predictions are better than the average draw's.
    nll = "negative_log_likelihood.draws"
    assert finding.numbers[f"{nll}.10"] < finding.numbers[f"{nll}.1"] - 0.01
    table = pd.read_csv(tmp_path / "budget.csv")
    assert len(table) == 2 * 2 + 2
    row = table[(table["sampler"] == "sgd") & (table["epochs"] == 20)]
    assert row["accuracy"].item() == pytest.approx(finding.numbers["accuracy.sgd.20"])


@pytest.mark.parametrize("count", BudgetCurves.draws)
def test_draws_are_evenly_spaced(count: int) -> None:
    chosen = evenly(list(torch.arange(1.0, 101)), count)
    assert [float(draw) for draw in chosen] == [100 / count * k for k in range(1, count + 1)]
