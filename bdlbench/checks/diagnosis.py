"""Identify a sampler's bug from its moments on an exact problem."""

from __future__ import annotations

import math

import numpy as np

from bdlbench.checks.evidence import Evidence, with_prior
from bdlbench.checks.moments import MEAN_TOLERANCE, TOLERANCE, forgiven

POINT = 1e-3  # temperature below which draws are a point estimate


def diagnose(evidence: Evidence) -> str:
    """Describe the first known bug that explains the measured moments."""
    return (
        _temperature(evidence)
        or _chains(evidence)
        or _prior(evidence)
        or _noise_exponent(evidence)
        or _point(evidence)
        or _nonstationary(evidence)
        or _unmixed(evidence)
        or _anisotropy(evidence)
        or _scale(evidence)
        or _unknown(evidence)
    )


def _temperature(evidence: Evidence) -> str:
    if evidence.asked == 1:
        return ""
    sampled = evidence.asked * evidence.temperature
    return (
        f"asked for T = {evidence.asked:g}, it samples at {sampled:.3g} (T multiplies the variance "
        "of the noise, √T its standard deviation)"
    )


def _noise_exponent(evidence: Evidence) -> str:
    """Detect noise whose variance is not proportional to ε, so that T depends on ε."""
    if evidence.coarse is None or not evidence.fine.spread[-1] > 0:
        return ""
    # The last draws, which depend least on the initial state.
    ratio = evidence.coarse.spread[-1] / evidence.fine.spread[-1]
    exponent = (1 + math.log2(ratio)) / 2 if ratio > 0 else math.nan
    if min(abs(exponent - 1), abs(exponent - 1.5)) > 0.2:
        return ""
    return (
        f"T depends on the step size, by a factor of {ratio:.2g} when ε doubles: the standard "
        f"deviation of the noise grows like ε^{exponent:.2g}, expected √ε (is the noise multiplied "
        "by the learning rate, or are the minibatches its only source?)"
    )


def _point(evidence: Evidence) -> str:
    if evidence.fine.spread[-1] > POINT or _near(evidence.temperature, 1 / evidence.n, 1.5):
        return ""
    return "the draws do not vary: θ gets no noise, this is a point estimate"


def _chains(evidence: Evidence) -> str:
    between, total = evidence.fine.spread.mean(), float(evidence.fine.temperature.value)
    if between > 0.5 * total:
        return ""
    return (
        f"the chains move together: the variance between chains is {between:.2g}, that over time "
        f"{total:.2g} (is the same noise added to all of them?)"
    )


def _prior(evidence: Evidence) -> str:
    """Detect a wrong weight of the prior from the mean and the variance that it implies."""
    more = evidence.oversampling
    # A target exp(−(n/N)·L − prior) has prior weight N/n and temperature N/n.
    candidates = [
        (0.0, 1.0, "the prior is missing"),
        (2.0, 1.0, "the prior is counted twice (in U and as weight decay?)"),
        (more, 1.0, "the prior is multiplied by N/n along with the minibatch's likelihood"),
        (more, more, "the likelihood of the minibatch lacks the factor N/n"),
        (1 / more, 1.0, "the prior is divided by N/n, although it is not in the minibatch"),
        (1 / evidence.n, 1.0, "the prior is divided by N, as in a mean loss"),
    ]
    best, uncertainty = "", float(np.linalg.norm(evidence.fine.mean.error))
    for weight, factor, description in candidates:
        mean, temperature = with_prior(evidence.exact, weight)
        ratio = float(evidence.fine.temperature.value) / (factor * temperature)
        shift = float(np.linalg.norm(mean))
        distance = float(np.linalg.norm(evidence.fine.mean.value - mean))
        if shift > 3 * MEAN_TOLERANCE and max(distance, uncertainty) < 0.25 * shift:
            if 0.7 < ratio < 1.4:
                return description
            best = best or f"{description}, and T is wrong by a factor of {ratio:.2g}"
    return best


def _nonstationary(evidence: Evidence) -> str:
    """Detect a variance that changes between draws by more than four standard errors."""
    first, last = evidence.fine.spread[[0, -1]]
    dim = len(evidence.fine.mean.value)
    change = math.exp(4 * math.sqrt(4 / (evidence.fine.chains * dim)))
    changes = f"the variance between chains goes from {first:.2g} to {last:.2g}"
    if last > change * first:
        return (
            f"{changes} and keeps growing: the noise is too large for the gradient (is it the "
            "gradient of the mean loss, instead of U, the sum?)"
        )
    if first > change * last and last < 1:
        return f"{changes} from the first draw to the last: are draws averaged over time?"
    if first > change * last:
        return f"{changes}: the chains have not converged; they move too slowly for the step size"
    return ""


def _unmixed(evidence: Evidence) -> str:
    """Detect chains that do not mix; averages over few draws are inconclusive."""
    between, total = evidence.fine.apart, float(evidence.fine.temperature.value)
    if len(evidence.fine.spread) < 6 or between < 0.5 * total:
        return ""
    return (
        f"the chains do not mix: of a variance of {total:.2g}, {between:.2g} is between their "
        "means (does each see different data, or move too slowly?)"
    )


def _anisotropy(evidence: Evidence) -> str:
    """Detect a temperature that depends on the direction."""
    matrix, error = evidence.fine.equipartition, float(evidence.fine.equipartition.error.max())
    values = np.linalg.eigvalsh((matrix.value + matrix.value.T) / 2)
    if values[-1] - values[0] < 0.1 * values.mean() + 2 * forgiven(evidence.fine) * error:
        return ""
    description = f"T is {values[0]:.2g} to {values[-1]:.2g}, depending on the direction"
    if evidence.coarse is None:
        return description + _hint(evidence)
    return (
        f"{description}: the noise does not match the preconditioner (multiply the noise by √G, "
        "the gradient by G)"
    )


def _scale(evidence: Evidence) -> str:
    """Detect a temperature that is a power of N, N/n, 2, or 1/(1 − μ)."""
    n, more, t = evidence.n, evidence.oversampling, evidence.temperature
    conventions = "gradient and noise have different step-size conventions"
    known = [
        (n, f"samples at T = {t:.4g} ≈ N: the variance of the noise is not scaled by 1/N, as the "
         "mean loss requires"),
        (1 / n, f"samples at T = {t:.3g} ≈ 1/N: the noise variance is too small by a factor N"),
        (more, f"samples at T = {t:.3g} ≈ N/n: the minibatch gradient lacks the factor N/n"),
        (1 / more, f"samples at T = {t:.3g} ≈ n/N: the noise variance is too small by n/N"),
        (2, f"T = {t:.2f}: {conventions} ((ε/2)·∇U goes with √ε noise, not with √(2ε))"),
        (0.5, f"T = {t:.2f}: {conventions} (√ε noise goes with (ε/2)·∇U, not with ε·∇U)"),
        (4, f"T = {t:.2f}: the standard deviation of the noise is doubled"),
        (0.25, f"T = {t:.2f}: the standard deviation of the noise is halved"),
    ]  # fmt: skip
    momentum = evidence.settings.get("momentum")
    if momentum:
        description = f"T = {t:.3g} ≈ 1/(1 − μ): the noise variance lacks the factor (1 − μ)"
        known.insert(0, (1 / (1 - momentum), description))
    # The temperature must match within 3 % plus 2.5 standard errors.
    error = float(evidence.fine.configurational.error) / t if t > 0 else math.inf
    factor = math.exp(min(TOLERANCE + 2.5 * error, 0.2))
    for value, description in known:
        if not _near(value, 1, 1.2) and _near(t, value, factor if 0.1 < value < 10 else 1.5):
            return description
    return ""


def _near(value: float, other: float, factor: float) -> bool:
    return 1 / factor < value / other < factor


def _unknown(evidence: Evidence) -> str:
    shift = np.abs(evidence.fine.mean.value).max()
    return (
        f"a different density is sampled: its variance is {evidence.fine.temperature.value:.3g} "
        f"times the exact one, its mean differs by {shift:.2g} standard deviations{_hint(evidence)}"
    )


def _hint(evidence: Evidence) -> str:
    if evidence.coarse is None:
        return (
            "; without a hyperparameter step_size it was run with its defaults (possible causes: "
            "no Metropolis test, rejected states not repeated, too little warm-up)"
        )
    change = float(evidence.coarse.temperature.value / evidence.fine.temperature.value)
    if 0.9 < change < 1.1:
        return (
            "; the bias does not vanish with the step size (possible cause: a state-dependent "
            "preconditioner without the term Γ = ∂G/∂θ)"
        )
    return f"; T changes by a factor of {change:.2g} when the step size doubles"
