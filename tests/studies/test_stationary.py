from __future__ import annotations

from pathlib import Path

import pytest
from bdlbench_studies.stationary import Stationary


def test_the_density_is_gibbs_in_one_dimension_not_in_two_and_again_with_the_cure(
    tmp_path: Path,
) -> None:
    study = Stationary(steps=1500)
    found = study.run(tmp_path, lambda line: None)
    assert "In one dimension SGD's stationary density is Gibbs" in found.text
    assert "noise it is not Gibbs" in found.text
    assert "Σ⁻¹∇L it is Gibbs" in found.text
    for name in ("p.one", "p.loss.cured", "p.angle.cured"):
        assert found.numbers[name] > 1e-3
    assert found.numbers["p.angle.plain"] < 1e-10
    sizes = {key: found.numbers[f"theory.{key}"] for key in ("00", "01", "11")}
    for i, j in ("00", "01", "11"):
        # The variance of a product of two Gaussians (Isserlis), over independent chains.
        variance = sizes[i + i] * sizes[j + j] + sizes[i + j] ** 2
        error = (variance / study.chains) ** 0.5
        assert found.numbers[f"plain.{i}{j}"] == pytest.approx(sizes[i + j], abs=4 * error)
