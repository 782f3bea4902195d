"""The convergence gate of a reference: R-hat, ESS, E-BFMI, divergences and acceptance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bdlbench.metrics.convergence import bulk_ess, r_hat

Floats = NDArray[np.floating]
FEWEST = 4  # draws per chain that split R-hat and ESS need
SHARE = 0.99  # of the inputs must meet a limit


@dataclass(frozen=True, eq=False)
class Trace:
    """Traces of the chains after warm-up, in float64 or float32.

    Args:
        potential: U, shape (chains, draws).
        hamiltonian: U plus kinetic energy, shape (chains, draws).
        log_likelihoods: log p(label) on fixed test inputs, shape (chains, draws, inputs).
        diverging: Whether the trajectory diverged, shape (chains, draws).
        accept_prob: Acceptance probability, shape (chains, draws).
    """

    potential: Floats
    hamiltonian: Floats
    log_likelihoods: Floats
    diverging: NDArray[np.bool_]
    accept_prob: Floats


def e_bfmi(hamiltonian: Floats) -> Floats:
    """Return the E-BFMI (Betancourt, 2016) of each chain, for energies (chains, draws)."""
    steps = np.square(np.diff(hamiltonian, axis=1)).mean(axis=1)
    return np.asarray(steps / hamiltonian.var(axis=1, ddof=1))


def diagnose(trace: Trace) -> dict[str, float]:
    """Compute the diagnostics of the gate.

    Raises:
        ValueError: Fewer than 2 chains, or fewer than 4 draws per chain.
    """
    chains, draws = trace.potential.shape
    if chains < 2 or draws < FEWEST:
        raise ValueError(f"expected at least 2 chains of {FEWEST} draws, got {chains} of {draws}")
    r_hats, sizes = r_hat(trace.log_likelihoods), bulk_ess(trace.log_likelihoods)
    # The R-hat of a constant is NaN; a stuck chain must not pass.
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


def verdicts(diagnostics: dict[str, float]) -> dict[str, bool]:
    """Compare the diagnostics with the limits; of the inputs, 99 % must meet theirs."""
    return {
        "at_least_4_chains": diagnostics["chains"] >= 4,
        "r_hat_below_1_05": diagnostics["r_hat_99th_percentile"] < 1.05,
        "r_hat_of_u_below_1_05": diagnostics["r_hat_of_u"] < 1.05,
        "ess_of_u_above_400": diagnostics["ess_of_u"] > 400,
        "ess_of_inputs_above_100": diagnostics["ess_of_inputs_1st_percentile"] > 100,
        "no_divergences": diagnostics["divergences"] == 0,
        "e_bfmi_above_0_3": diagnostics["e_bfmi_minimum"] > 0.3,
        "acceptance_from_0_80_to_0_95": 0.80 <= diagnostics["acceptance"] <= 0.95,
    }


def report(diagnostics: Mapping[str, float], verdicts: Mapping[str, bool]) -> str:
    """Format diagnostics and verdicts, one per line."""
    lines = [f"{name.replace('_', ' '):<30} {value:.6g}" for name, value in diagnostics.items()]
    lines += [f"{'pass' if holds else 'FAIL':<30} {name}" for name, holds in verdicts.items()]
    return "\n".join(lines)
