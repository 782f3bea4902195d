from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from bdlbench_studies.gradient_flow import GradientFlow


class Fewer(GradientFlow):
    steps: ClassVar[tuple[int, ...]] = (50, 100, 200, 400)


@pytest.mark.slow
def test_descent_tends_to_the_flow_with_the_rate_and_sgd_with_its_root(tmp_path: Path) -> None:
    found = Fewer(time=0.5).run(tmp_path, lambda line: None).numbers
    # The next order of Euler's error bends the line: half of what a factor 8 in η can do.
    assert found["power.gradient descent"] == pytest.approx(
        1, abs=found["half.gradient descent"] + 0.05
    )
    assert found["power.SGD"] == pytest.approx(0.5, abs=4 / 4.3 * found["half.SGD"] + 0.05)
    assert found["half.SGD"] < 0.2
    assert found["last.gradient descent"] < found["last.SGD"] < found["first.SGD"]
