from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest
from bdlbench_studies.temperature import Temperature


class Few(Temperature):
    temperatures: ClassVar[tuple[float, ...]] = (0.25, 1.0, 4.0)


@pytest.mark.slow
def test_noise_of_2_over_n_samples_the_posterior_and_a_quarter_of_it_t_of_a_quarter(
    tmp_path: Path, loaded_once: None
) -> None:
    finding = Few(epochs=6, seeds=1, chains=500, jobs=1).run(tmp_path, print)
    for name, temperature in (("2/n", 1.0), ("1/(2n)", 0.25)):
        # 4 standard errors (the half-width is 1.96), and the bias of the step size: a step of 1 %
        # of the time scale changes the variance by a factor of 1/(1 − 0.01/2).
        tolerance = 4 / 1.96 * finding.numbers[f"half.{name}"] + 0.005 * temperature
        assert finding.numbers[f"T.{name}"] == pytest.approx(temperature, abs=tolerance)
    assert finding.numbers["NLL.4"] > finding.numbers["NLL.0.25"]
    assert finding.numbers["best.NLL"] == 0.25
    assert ", T = 0.25 for NLL (" in finding.text
