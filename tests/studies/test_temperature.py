from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from bdlbench_studies.temperature import Temperature


class Few(Temperature):
    temperatures: ClassVar[tuple[float, ...]] = (0.25, 1.0, 4.0)


@pytest.mark.slow
def test_noise_of_two_over_n_samples_the_posterior_and_a_quarter_of_it_a_colder_one(
    tmp_path: Path, loaded_once: None
) -> None:
    found = Few(epochs=6, seeds=1, chains=500, jobs=1).run(tmp_path, print)
    for name, temperature in (("2/n", 1.0), ("1/(2n)", 0.25)):
        # Four errors (the half-width is 1.96), and the bias of the step: a step of 1 % of the
        # time scale makes the variance wrong by a factor of 1/(1 − 0.01/2).
        tolerance = 4 / 1.96 * found.numbers[f"half.{name}"] + 0.005 * temperature
        assert found.numbers[f"T.{name}"] == pytest.approx(temperature, abs=tolerance)
    assert found.numbers["NLL.4"] > found.numbers["NLL.0.25"]
    assert found.numbers["best.NLL"] == 0.25
    assert ", T = 0.25 for NLL (" in found.text
