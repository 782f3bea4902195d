from __future__ import annotations

from pathlib import Path

import pytest
import torch
from bdlbench_studies.momentum_and_adam import MomentumAndAdam, regression, shape_divergence


@pytest.mark.slow
def test_inverse_variance_is_closest_to_the_posterior_and_its_root_second(
    tmp_path: Path, loaded_once: None
) -> None:
    finding = MomentumAndAdam(epochs=1, seeds=2, steps=1800).run(tmp_path, lambda line: None)
    kl = {name: finding.numbers[f"kl.{name}"] for name in ("SGD", "RMSprop", "Adam", "σ⁻²")}
    for closer, farther in (("σ⁻²", "RMSprop"), ("σ⁻²", "Adam"), ("RMSprop", "SGD")):
        both = finding.numbers[f"half.{closer}"] + finding.numbers[f"half.{farther}"]
        assert kl[farther] - kl[closer] > both
    assert "closest stationary density is that of σ⁻²" in finding.text
    # For a well-specified regression Σ ∝ A, hence S ∝ 1 for SGD and S ∝ A^−½ for RMSprop.
    precision = torch.linalg.inv(regression().covariance)
    eigenvalues = torch.linalg.eigvalsh(precision)
    for name, power in (("SGD", 0.0), ("RMSprop", -0.5)):
        expected = shape_divergence(torch.diag(eigenvalues**power), torch.diag(eigenvalues))
        assert kl[name] == pytest.approx(expected, rel=0.15)


def test_the_divergence_is_that_of_gaussians_and_independent_of_temperature() -> None:
    precision = torch.eye(2, dtype=torch.float64)
    covariance = torch.diag(torch.tensor([0.5, 1.5], dtype=torch.float64))
    # ½(tr S − 2 − log det S) with tr S = 2.
    expected = -0.5 * float(torch.tensor(0.75, dtype=torch.float64).log())
    assert shape_divergence(covariance, precision) == pytest.approx(expected)
    assert shape_divergence(7 * covariance, precision) == pytest.approx(expected)
