"""R-hat, ESS and E-BFMI with known answers, and every limit of the gate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpyro import diagnostics

from bdlbench.metrics import convergence
from bdlbench.reference import gate
from bdlbench.reference.gate import Trace

RNG = np.random.default_rng(0)
SHAPE = (4, 500)


def autoregressive(rho: float, quantities: int = 8) -> np.ndarray:
    """Return chains of variance 1 whose autocorrelation at lag k is ρ^k."""
    x = RNG.normal(size=(*SHAPE, quantities))
    for t in range(1, SHAPE[1]):
        x[:, t] = rho * x[:, t - 1] + (1 - rho**2) ** 0.5 * x[:, t]
    return x


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_the_ess_agrees_with_theory_and_numpyro(rho: float) -> None:
    x = autoregressive(rho)
    found = convergence.bulk_ess(x)
    assert found.shape == (8,)
    assert found.mean() == pytest.approx(2000 * (1 - rho) / (1 + rho), rel=0.15)
    # NumPyro uses the values instead of ranks, which agrees on average.
    assert found.mean() == pytest.approx(diagnostics.effective_sample_size(x).mean(), rel=0.1)


@pytest.mark.parametrize("shift", [0.0, 0.5, 2.0])
def test_r_hat_agrees_with_numpyro_on_normal_chains(shift: float) -> None:
    x = autoregressive(0.5)
    x[0] += shift
    np.testing.assert_allclose(convergence.r_hat(x), diagnostics.split_gelman_rubin(x), rtol=0.05)
    assert (convergence.r_hat(x).max() > 1.05) == (shift > 0)


def test_r_hat_detects_a_chain_of_another_variance() -> None:
    x = RNG.normal(size=(*SHAPE, 1))
    x[0] *= 4
    assert diagnostics.split_gelman_rubin(x)[0] < 1.02
    assert convergence.r_hat(x)[0] > 1.1


def test_constant_chains_have_an_ess_of_one_and_fail_the_gate() -> None:
    same = np.ones((*SHAPE, 2))
    apart = same * np.arange(4)[:, None, None]
    np.testing.assert_array_equal(convergence.bulk_ess(same), 1)
    middle = same[:, :5].copy()  # the middle draw of an odd number is in neither half
    middle[:, 2] += 1
    np.testing.assert_array_equal(convergence.bulk_ess(middle), 1)
    assert np.isnan(convergence.r_hat(same)).all()
    assert convergence.r_hat(apart).min() > 1e6
    for stuck in (same, apart):
        found = gate.diagnose(replace(TRACE, log_likelihoods=stuck, potential=stuck[..., 0]))
        assert np.isfinite(list(found.values())).all(), "they are written to JSON"
        verdicts = gate.verdicts(found)
        assert not verdicts["r_hat_below_1_05"]
        assert not verdicts["r_hat_of_u_below_1_05"]


def test_e_bfmi_by_hand() -> None:
    energies = np.array([[0.0, 1.0, 0.0, 1.0], [0.0, 1.0, 2.0, 3.0]])
    # Mean squared step over the variance: 1 / (1/3), 1 / (5/3).
    np.testing.assert_allclose(gate.e_bfmi(energies), [3.0, 0.6])


TRACE = Trace(
    potential=RNG.normal(size=SHAPE),
    hamiltonian=RNG.normal(size=SHAPE),
    log_likelihoods=RNG.normal(size=(*SHAPE, 20)),
    diverging=np.zeros(SHAPE, bool),
    accept_prob=np.full(SHAPE, 0.85),
)


def test_good_chains_pass() -> None:
    found = gate.diagnose(TRACE)
    assert all(gate.verdicts(found).values())
    assert found["chains"] == 4
    assert found["draws"] == 2000
    assert found["r_hat_median"] <= found["r_hat_99th_percentile"] <= found["r_hat_maximum"] < 1.02
    assert found["ess_of_inputs_1st_percentile"] < found["ess_of_inputs_median"]
    text = gate.report(found, gate.verdicts(found))
    assert "FAIL" not in text
    assert len(text.splitlines()) == len(found) + len(gate.verdicts(found))


SLOW = autoregressive(0.99, 20)
CORRELATED = autoregressive(0.99, 1)[..., 0]
ONE_DIVERGENCE = np.zeros(SHAPE, bool)
ONE_DIVERGENCE[3, 250] = True


@pytest.mark.parametrize(
    ("fault", "failed"),
    [
        ({"diverging": ONE_DIVERGENCE}, {"no_divergences"}),
        ({"accept_prob": np.full(SHAPE, 0.79)}, {"acceptance_from_0_80_to_0_95"}),
        ({"accept_prob": np.full(SHAPE, 0.96)}, {"acceptance_from_0_80_to_0_95"}),
        ({"hamiltonian": np.r_[TRACE.hamiltonian[:3], CORRELATED[:1]]}, {"e_bfmi_above_0_3"}),
        ({"log_likelihoods": SLOW}, {"ess_of_inputs_above_100", "r_hat_below_1_05"}),
        ({"potential": CORRELATED}, {"ess_of_u_above_400", "r_hat_of_u_below_1_05"}),
    ],
)
def test_each_fault_fails_its_verdicts(fault: Any, failed: set[str]) -> None:
    verdicts = gate.verdicts(gate.diagnose(replace(TRACE, **fault)))
    assert {name for name, holds in verdicts.items() if not holds} == failed


PASSING = {
    "chains": 4,
    "r_hat_99th_percentile": 1.0499,
    "r_hat_of_u": 1.0499,
    "ess_of_u": 400.1,
    "ess_of_inputs_1st_percentile": 100.1,
    "divergences": 0,
    "e_bfmi_minimum": 0.301,
    "acceptance": 0.8,
}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chains", 3),
        ("r_hat_99th_percentile", 1.05),
        ("r_hat_of_u", 1.05),
        ("ess_of_u", 400),
        ("ess_of_inputs_1st_percentile", 100),
        ("divergences", 1),
        ("e_bfmi_minimum", 0.3),
        ("acceptance", 0.799),
        ("acceptance", 0.951),
    ],
)
def test_the_limits_are_those_in_the_names(name: str, value: float) -> None:
    assert all(gate.verdicts(PASSING).values())
    assert sum(not holds for holds in gate.verdicts(PASSING | {name: value}).values()) == 1


@pytest.mark.parametrize("shape", [(1, 10), (4, 3)])
def test_too_few_chains_or_draws_are_refused(shape: tuple[int, int]) -> None:
    short = {k: v[: shape[0], : shape[1]] for k, v in vars(TRACE).items()}
    with pytest.raises(ValueError, match=f"got {shape[0]} of {shape[1]}"):
        gate.diagnose(Trace(**short))
