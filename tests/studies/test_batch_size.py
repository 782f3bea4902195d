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
def test_jitter_is_theorys_and_a_conjugate_rate_keeps_it_for_sgd_alone(tmp_path: Path) -> None:
    found = Fewer(steps=1500, runs=40, animate=False).run(tmp_path, print).numbers
    for size in Fewer.sizes:  # 4 errors: the half-width is 2.26 of them for ten groups
        tolerance = 4 / 2.26 * found[f"half.{size}"]
        assert found[f"spread.{size}"] == pytest.approx(found[f"theory.{size}"], abs=tolerance)
    assert found["spread.all"] < 1e-12
    assert abs(found["power.SGD"]) < 0.05
    for name in ("RMSprop", "Adam"):
        assert found[f"power.{name}"] == pytest.approx(0.25, abs=0.06)


def test_the_theory_is_the_known_variance_where_all_points_are_alike() -> None:
    # At x = 0 alone the Hessian of a point is 2 for the intercept, whatever the minibatch:
    # the variance is η²·4σ²/n / (1 − (1 − 2η)²). A tiny slope keeps the system regular.
    line = points()
    flat = type(line)(line.features * torch.tensor([1e-3, 1.0]), line.targets)
    noise = float(flat.loss(flat.minimum))
    expected = 0.1**2 * 4 * noise / 8 / (1 - 0.8**2)
    assert float(flat.stationary_covariance(0.1, 8)[1, 1]) == pytest.approx(expected, rel=1e-3)


def test_a_power_is_recovered_and_judged() -> None:
    fitted = fit_power([1, 2, 4, 8], [3, 6, 12, 24])
    assert fitted.mean == pytest.approx(1)
    assert half_width(fitted) == pytest.approx(0, abs=1e-6)
    assert (verdict(Interval(0.01, 0, 0.02, 4)), verdict(fitted)) == (
        "constant",
        "not constant",
    )
