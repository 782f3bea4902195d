"""R-hat and effective sample sizes, compared with ArviZ."""

from __future__ import annotations

import numpy as np
import pytest
from arviz_stats.base.array import array_stats

from bdlbench.metrics import convergence


def chains(shape: tuple[int, int, int], kind: str) -> np.ndarray:
    rng = np.random.default_rng([*shape, *kind.encode()])
    x = rng.normal(size=shape)
    for t in range(1, shape[1]):
        if kind == "slow":
            x[:, t] += 0.95 * x[:, t - 1]
        elif kind == "antithetic":
            x[:, t] -= 0.8 * x[:, t - 1]
    if kind == "apart":
        x[0] += 2
    if kind == "tied":
        x = np.round(x)
    return x.astype("f4") if kind == "single" else x


KINDS = ["free", "slow", "antithetic", "apart", "tied", "single"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 4, 9), (1, 100, 50), (2, 5, 9), (3, 64, 50), (4, 333, 20)])
def test_effective_sample_sizes_equal_arviz(shape: tuple[int, int, int], kind: str) -> None:
    x = chains(shape, kind)
    expected = array_stats.ess(x, chain_axis=0, draw_axis=1, method="bulk")
    varies = np.ptp(x, axis=(0, 1)) > 0
    np.testing.assert_allclose(convergence.bulk_ess(x)[varies], expected[varies], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(2, 5, 9), (3, 64, 50), (4, 333, 20)])
def test_r_hat_equals_arviz(shape: tuple[int, int, int], kind: str) -> None:
    x = chains(shape, kind)
    expected = array_stats.rhat(x, chain_axis=0, draw_axis=1)
    np.testing.assert_allclose(convergence.r_hat(x), expected, rtol=1e-9)
