from __future__ import annotations

from pathlib import Path

import pytest
from bdlbench_studies.stationary import Stationary


def test_the_density_is_gibbs_in_one_dimension_and_in_two_only_if_preconditioned(
    tmp_path: Path,
) -> None:
    study = Stationary(steps=1500)
    finding = study.run(tmp_path, lambda line: None)
    assert "In one dimension SGD's stationary density is Gibbs" in finding.text
    assert "noise it is not Gibbs" in finding.text
    assert "Σ⁻¹∇L it is Gibbs" in finding.text
    for name in ("p.one", "p.loss.cured", "p.angle.cured"):
        assert finding.numbers[name] > 1e-3
    assert finding.numbers["p.angle.plain"] < 1e-10
    sizes = {key: finding.numbers[f"theory.{key}"] for key in ("00", "01", "11")}
    for i, j in ("00", "01", "11"):
        # The variance of a product of two Gaussians (Isserlis), over independent chains.
        variance = sizes[i + i] * sizes[j + j] + sizes[i + j] ** 2
        error = (variance / study.chains) ** 0.5
        assert finding.numbers[f"plain.{i}{j}"] == pytest.approx(sizes[i + j], abs=4 * error)
