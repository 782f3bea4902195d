"""The derivations of the faults, repeated in numbers: the exact covariance of linear recursions."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import solve_discrete_lyapunov

from bdlbench.peers import faults

Array = NDArray[np.float64]


def euler(h: float, kept: float = 1.0) -> Array:
    """Return the map of (θ, p) under a step h of θ by p, and of p by ∇U = θ, both of before."""
    return np.array([[1, h], [-h, kept]])


def resampled(h: float, length: int) -> float:
    """Return the stationary variance of θ, where U = θ²/2, if p ~ N(0, 1) every `length` steps."""
    (own, of_p), _ = np.linalg.matrix_power(euler(h), length)
    return float(of_p**2 / (1 - own**2))


@pytest.mark.parametrize("length", [2, 5, 10])
def test_a_resampled_momentum_has_t_of_l_over_l_minus_one(length: int) -> None:
    # The next order is O(L·h²), of either sign.
    assert resampled(1e-4, length) == pytest.approx(length / (length - 1), rel=1e-5)
    assert "T = L/(L − 1)" in faults.RESAMPLED.density


def test_a_resampled_momentum_is_right_if_l_grows_as_h_shrinks() -> None:
    biases = [resampled(0.1 / length, length) - 1 for length in (10, 100, 1000)]
    assert biases[0] > 9 * biases[1] > 81 * biases[2] > 0


def sghmc(h: float, lost: float) -> float:
    """Return the stationary variance of θ under SGHMC by Euler steps, where U = θ²/2."""
    noise = np.diag([0, 2 * lost])
    return float(solve_discrete_lyapunov(euler(h, 1 - lost), noise)[0, 0])


def test_sghmc_by_euler_steps_has_the_bias_on_the_page() -> None:
    """κ = ε, as λ = 1."""
    steps = np.array([0.06, 0.03, 0.006])
    plain = [sghmc((kappa / 2) ** 0.5, 0.1) for kappa in steps]
    scaled = [sghmc((0.1 * kappa / 2) ** 0.5, 0.1) for kappa in steps]
    assert np.round(plain, 2).tolist() == [1.44, 1.18, 1.03]
    assert np.round(scaled, 3).tolist() == [1.032, 1.016, 1.003]
    text = Path(__file__).parents[2].joinpath("docs/public-samplers.in.md").read_text("utf-8")
    assert "T = 1.44, 1.18 and 1.03" in " ".join(text.split())


@pytest.mark.parametrize("n", [100, 20_000])
def test_a_noise_factor_on_the_mean_loss_sets_the_temperature(n: int) -> None:
    epsilon, factor = 1e-3, 0.01
    rate = n * epsilon / 2
    kept = 1 - rate / n  # U = θ²/2
    variance = 2 * rate * factor**2 / (1 - kept**2)
    assert variance == pytest.approx(n * 1e-4, rel=epsilon)  # 1/(1 − ε/4) is Langevin's own bias
    assert faults.NOISE_FACTOR.density == "T = N·10⁻⁴"


@pytest.mark.skipif(find_spec("sgmcmcjax") is None, reason="sgmcmcjax is not installed")
def test_baoab_unpacks_both_halves_into_one_name() -> None:
    spec = find_spec("sgmcmcjax")
    assert spec is not None
    folders = list(spec.submodule_search_locations or [])
    source = Path(folders[0], "kernels.py").read_text(
        "utf-8"
    )  # not imported: it needs an older JAX
    assert "init_diff, (update_diff1, update_diff1), get_p_diff = baoab(dt, gamma, tau)" in source
