from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
import torch
from bdlbench_studies.batch_size import BatchSize, verdict
from bdlbench_studies.intervals import fit_power, half_width
from bdlbench_studies.line import points

from bdlbench.metrics.statistics import Interval


class Fewer(BatchSize):
    sizes: ClassVar[tuple[int, ...]] = (2, 8, 32)


@pytest.mark.slow
def test_noise_agrees_with_theory_and_is_constant_if_scaled_for_sgd_only(tmp_path: Path) -> None:
    numbers = Fewer(steps=1500, runs=40, animate=False).run(tmp_path, print).numbers
    for size in Fewer.sizes:  # 4 standard errors; the half-width is 2.26 for ten groups
        tolerance = 4 / 2.26 * numbers[f"half.{size}"]
        assert numbers[f"spread.{size}"] == pytest.approx(numbers[f"theory.{size}"], abs=tolerance)
    assert numbers["spread.all"] < 1e-12
    assert abs(numbers["power.SGD"]) < 0.05
    for name in ("RMSprop", "Adam"):
        assert numbers[f"power.{name}"] == pytest.approx(0.25, abs=0.06)


def test_stationary_variance_is_the_known_one_for_identical_points() -> None:
    # At x = 0 the Hessian of the intercept is 2 for every minibatch, and the variance is
    # η²·4σ²/n / (1 − (1 − 2η)²). A small x keeps the system regular.
    line = points()
    flat = type(line)(line.features * torch.tensor([1e-3, 1.0]), line.targets)
    noise = float(flat.loss(flat.minimum))
    expected = 0.1**2 * 4 * noise / 8 / (1 - 0.8**2)
    assert float(flat.stationary_covariance(0.1, 8)[1, 1]) == pytest.approx(expected, rel=1e-3)


def test_fit_power_recovers_an_exponent() -> None:
    fitted = fit_power([1, 2, 4, 8], [3, 6, 12, 24])
    assert fitted.mean == pytest.approx(1)
    assert half_width(fitted) == pytest.approx(0, abs=1e-6)
    assert verdict(Interval(0.01, 0, 0.02, 4)) == "constant"
    assert verdict(fitted) == "not constant"
