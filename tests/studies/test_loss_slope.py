from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from bdlbench_studies.loss_slope import LossSlope


class Fewer(LossSlope):
    rates: ClassVar[tuple[float, ...]] = (0.005, 0.02)


@pytest.mark.slow
def test_the_slope_at_zero_is_a_quarter_of_the_mean_squared_gradient(tmp_path: Path) -> None:
    numbers = Fewer(time=24, prior_std=0.05).run(tmp_path, lambda line: None).numbers
    # The half-width of a 95 % interval over 16 chains is 2.13 standard errors.
    tolerance = 4 / 2.13 * numbers["half"]
    assert tolerance < 0.25 * numbers["predicted"], "too wide to test anything"
    assert numbers["slope"] == pytest.approx(numbers["predicted"], abs=tolerance)
    assert numbers["ratio"] == pytest.approx(0.25, abs=0.05), "a quarter of the learning rate"
