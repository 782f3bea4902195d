from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from bdlbench_studies.gradient_flow import GradientFlow


class Fewer(GradientFlow):
    steps: ClassVar[tuple[int, ...]] = (50, 100, 200, 400)


@pytest.mark.slow
def test_gradient_descent_converges_with_order_1_and_sgd_with_order_half(tmp_path: Path) -> None:
    numbers = Fewer(time=0.5).run(tmp_path, lambda line: None).numbers
    # The tolerance covers the next order of the Euler method, over a factor of 8 in η.
    assert numbers["power.gradient descent"] == pytest.approx(
        1, abs=numbers["half.gradient descent"] + 0.05
    )
    assert numbers["power.SGD"] == pytest.approx(0.5, abs=4 / 4.3 * numbers["half.SGD"] + 0.05)
    assert numbers["half.SGD"] < 0.2
    assert numbers["last.gradient descent"] < numbers["last.SGD"] < numbers["first.SGD"]
