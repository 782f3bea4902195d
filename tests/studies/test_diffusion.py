from __future__ import annotations

from pathlib import Path

import pytest
from bdlbench_studies.diffusion import LOOKS, Diffusion


@pytest.mark.parametrize("sigma", [1.0, 2.0])
def test_particles_spread_as_the_root_of_time_and_flows_cancel(
    tmp_path: Path, sigma: float
) -> None:
    found = Diffusion(sigma=sigma, step=0.025, particles=5000).run(tmp_path, print).numbers
    expected = {f"spread.{dim}.{look:g}": 1.0 for dim in (1, 2) for look in LOOKS}
    expected |= {"free": 1.0, "diffusion": 1.0, "gradient": -1.0, "net": 0.0}
    for name, value in expected.items():
        # The half-width of a 95 % interval from ten groups is 2.26 standard errors. The rest is
        # the histogram's: over a cell as wide as a quarter of the density, slopes are cut by 1 %.
        tolerance = 4 / 2.26 * found[f"half.{name}"] + 0.015
        assert found[name] == pytest.approx(value, abs=tolerance), name
