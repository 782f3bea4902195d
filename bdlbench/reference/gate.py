"""The quality gate of a reference: R-hat, effective sample size and E-BFMI, as in ArviZ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bdlbench.metrics.convergence import bulk_ess, r_hat

Floats = NDArray[np.floating]
FEWEST = 4  # draws of a chain: what split R-hat and ESS need
SHARE = 0.99  # of the inputs that must meet a limit; the rest are near to it


@dataclass(frozen=True, eq=False)
class Trace:
    """Traces of the chains after warm-up, in float64 or float32.

    Args:
        potential: U, shape (chains, draws).
        hamiltonian: U and kinetic energy, shape (chains, draws).
        log_likelihoods: log p(label) on fixed test inputs, shape (chains, draws, inputs).
        diverging: Whether the trajectory ran away, shape (chains, draws).
        accept_prob: Of the trajectory's end, shape (chains, draws).
    """

    potential: Floats
    hamiltonian: Floats
    log_likelihoods: Floats
    diverging: NDArray[np.bool_]
    accept_prob: Floats


def e_bfmi(hamiltonian: Floats) -> Floats:
    """Return each chain's estimated Bayesian fraction of missing information (Betancourt, 2016).

    Args:
        hamiltonian: Shape (chains, draws).
    """
    steps = np.square(np.diff(hamiltonian, axis=1)).mean(axis=1)
    return np.asarray(steps / hamiltonian.var(axis=1, ddof=1))


def diagnose(trace: Trace) -> dict[str, float]:
    """Compute the diagnostics of the gate.

    Raises:
        ValueError: There are fewer than 2 chains of 4 draws.
    """
    chains, draws = trace.potential.shape
    if chains < 2 or draws < FEWEST:
        raise ValueError(f"expected 2 chains of {FEWEST} draws at least, got {chains} of {draws}")
    r_hats, sizes = r_hat(trace.log_likelihoods), bulk_ess(trace.log_likelihoods)
    # A quantity that never varies has no R-hat; a stuck chain must not pass for that.
    r_hats = np.where(np.isnan(r_hats), np.finfo(np.float32).max, r_hats)
    r_hats = np.minimum(r_hats, np.finfo(np.float32).max)  # JSON has no infinity
    u = trace.potential[..., None]
    return {
        "chains": chains,
        "draws": chains * draws,
        "r_hat_median": float(np.median(r_hats)),
        "r_hat_99th_percentile": float(np.quantile(r_hats, SHARE)),
        "r_hat_maximum": float(r_hats.max()),
        "r_hat_of_u": float(np.nan_to_num(r_hat(u)[0], nan=np.inf).clip(max=1e38)),
        "ess_of_u": float(bulk_ess(u)[0]),
        "ess_of_inputs_median": float(np.median(sizes)),
        "ess_of_inputs_1st_percentile": float(np.quantile(sizes, 1 - SHARE)),
        "divergences": int(trace.diverging.sum()),
        "e_bfmi_minimum": float(np.nan_to_num(e_bfmi(trace.hamiltonian)).min()),
        "acceptance": float(trace.accept_prob.mean()),
    }


def verdicts(found: dict[str, float]) -> dict[str, bool]:
    """Compare the values of `diagnose` with the limits; all must be met.

    A limit on the inputs is one on the percentile: 99 % of them meet it.
    """
    return {
        "at_least_4_chains": found["chains"] >= 4,
        "r_hat_below_1_05": found["r_hat_99th_percentile"] < 1.05,
        "r_hat_of_u_below_1_05": found["r_hat_of_u"] < 1.05,
        "ess_of_u_above_400": found["ess_of_u"] > 400,
        "ess_of_inputs_above_100": found["ess_of_inputs_1st_percentile"] > 100,
        "no_divergences": found["divergences"] == 0,
        "e_bfmi_above_0_3": found["e_bfmi_minimum"] > 0.3,
        "acceptance_from_0_80_to_0_95": 0.80 <= found["acceptance"] <= 0.95,
    }


def report(diagnostics: Mapping[str, float], verdicts: Mapping[str, bool]) -> str:
    """Return diagnostics and verdicts as lines of text."""
    lines = [f"{name.replace('_', ' '):<30} {value:.6g}" for name, value in diagnostics.items()]
    lines += [f"{'pass' if holds else 'FAIL':<30} {name}" for name, holds in verdicts.items()]
    return "\n".join(lines)
