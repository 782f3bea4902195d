from __future__ import annotations

from pathlib import Path

import pytest
from bdlbench_studies.diffusion import LOOKS, Diffusion


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_particles_spread_as_the_root_of_time_and_fluxes_cancel(
    tmp_path: Path, sigma: float
) -> None:
    numbers = Diffusion(sigma=sigma, step=0.025, particles=5000).run(tmp_path, print).numbers
    expected = {f"spread.{dim}.{look:g}": 1.0 for dim in (1, 2) for look in LOOKS}
    expected |= {"free": 1.0, "diffusion": 1.0, "gradient": -1.0, "net": 0.0}
    for name, value in expected.items():
        # 4 standard errors (the half-width is 2.26 for ten groups), and the bias of the histogram:
        # bins as wide as a quarter of the standard deviation flatten slopes by 1 %.
        tolerance = 4 / 2.26 * numbers[f"half.{name}"] + 0.015
        assert numbers[name] == pytest.approx(value, abs=tolerance), name
