from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import torch
from bdlbench_studies import cold_posterior
from bdlbench_studies.cold_posterior import ColdPosterior, layer_temperature

from bdlbench.data.examples import search_folders
from bdlbench.posterior.exact import gaussian
from bdlbench.reference import reference
from bdlbench.runs import task_data, tasks


class Few(ColdPosterior):
    temperatures: ClassVar[tuple[float, ...]] = (0.1, 1.0, 4.0)


@pytest.mark.parametrize("temperature", [0.25, 1.0])
def test_the_temperature_of_exact_draws_is_measured(temperature: float) -> None:
    known, n = gaussian(), 4000
    dim = len(known.mean)
    noise = torch.randn(n, dim, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    root = torch.linalg.cholesky(known.covariance)
    draws = (known.mean + temperature**0.5 * noise @ root.T).float()
    # θ·∇U = (m + δ)ᵀPδ with δ ~ N(0, T/P): its mean is d·T, its variance 2d·T² + T·mᵀPm.
    squared = float(known.mean @ torch.linalg.solve(known.covariance, known.mean))
    error = ((2 * dim * temperature**2 + temperature * squared) / n) ** 0.5 / dim
    measured = layer_temperature(known.posterior, list(draws.split(1)))
    assert measured == pytest.approx(temperature, abs=4 * error)
    assert error < 0.05 * temperature


def test_the_references_scores_are_those_of_its_predictions(loaded_once: None) -> None:
    task = tasks.get("diabetes")
    test = task_data.evaluation_sets(task, "test", search_folders())["test"]
    found = cold_posterior.reference_scores("diabetes", test)
    mixture = reference.load("diabetes").sets["test"].densities()  # type: ignore[union-attr]
    residuals = mixture.mean - test.y
    assert found["rmse"] == pytest.approx(float((residuals**2).mean() ** 0.5))
    # A Gaussian with the mixture's moments has nearly its density.
    nll = 0.5 * (residuals**2 / mixture.variance + np.log(2 * np.pi * mixture.variance))
    assert found["lppd"] == pytest.approx(float(nll.mean()), abs=0.02)


@pytest.mark.slow
def test_a_curve_per_task_is_written(tmp_path: Path, loaded_once: None) -> None:
    finding = Few(tasks="diabetes", slower=1, seeds=2).run(tmp_path, lambda line: None)
    table = pd.read_csv(tmp_path / "cold-posterior.csv")
    assert len(table) == 3 * 2
    hot = table[(table["T"] == 4) & (table["metric"] == "lppd")]
    assert hot["value"].item() == pytest.approx(finding.numbers["lppd.diabetes.4.0"])
    assert finding.numbers["T.diabetes.4.0"] > 2 * finding.numbers["T.diabetes.1.0"]
    assert "clearly lowers the NLL of SGLD on none of diabetes." in finding.text
