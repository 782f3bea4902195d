"""Identify a sampler's bug from its moments on an exact problem."""

from __future__ import annotations

import math

import numpy as np

from bdlbench.checks.evidence import Evidence, with_prior
from bdlbench.checks.moments import MEAN_TOLERANCE, TOLERANCE, forgiven

POINT = 1e-3  # a temperature below which draws do not vary to speak of


def diagnose(evidence: Evidence) -> str:
    """Describe the first known bug that explains the measured moments."""
    return (
        _asked(evidence)
        or _chains(evidence)
        or _prior(evidence)
        or _noise_exponent(evidence)
        or _point(evidence)
        or _unsettled(evidence)
        or _apart(evidence)
        or _anisotropy(evidence)
        or _scale(evidence)
        or _unknown(evidence)
    )


def _asked(evidence: Evidence) -> str:
    if evidence.asked == 1:
        return ""
    sampled = evidence.asked * evidence.temperature
    return (
        f"asked for T = {evidence.asked:g}, it samples at {sampled:.3g} (the noise's variance is "
        "multiplied by T, its standard deviation by √T)"
    )


def _noise_exponent(evidence: Evidence) -> str:
    """Detect noise with a variance not proportional to ε: T changes with ε by a power of 2."""
    if evidence.coarse is None or not evidence.fine.spread[-1] > 0:
        return ""
    # The last draws, because they have forgotten the start best.
    ratio = evidence.coarse.spread[-1] / evidence.fine.spread[-1]
    exponent = (1 + math.log2(ratio)) / 2 if ratio > 0 else math.nan
    if min(abs(exponent - 1), abs(exponent - 1.5)) > 0.2:
        return ""
    return (
        f"T changes with the step size, by {ratio:.2g} when ε doubles: the noise's standard "
        f"deviation grows like ε^{exponent:.2g}, expected √ε (is it inside the learning "
        "rate, or are the minibatches its only source?)"
    )


def _point(evidence: Evidence) -> str:
    if evidence.fine.spread[-1] > POINT or _near(evidence.temperature, 1 / evidence.n, 1.5):
        return ""
    return "the draws do not vary: no noise reaches θ, this is a point estimate"


def _chains(evidence: Evidence) -> str:
    between, total = evidence.fine.spread.mean(), float(evidence.fine.temperature.value)
    if between > 0.5 * total:
        return ""
    return (
        f"the chains move together: at any time they differ by a variance of {between:.2g}, over "
        f"time each has {total:.2g} (is one draw of the noise added to all of them?)"
    )


def _prior(evidence: Evidence) -> str:
    """Detect a wrong weight of the prior from the mean and the variance that it would give."""
    more = evidence.oversampling
    # A target exp(−(n/N)·L − prior) has the prior's weight at N/n, and the temperature N/n.
    candidates = [
        (0.0, 1.0, "the prior is left out"),
        (2.0, 1.0, "the prior is counted twice (in U and as weight decay?)"),
        (more, 1.0, "the prior is multiplied by N/n along with the minibatch's likelihood"),
        (more, more, "the likelihood of the minibatch lacks the factor N/n"),
        (1 / more, 1.0, "the prior is divided by N/n, though it is no part of the minibatch"),
        (1 / evidence.n, 1.0, "the prior is divided by N, which belongs to the mean loss"),
    ]
    best, unsure = "", float(np.linalg.norm(evidence.fine.mean.error))
    for weight, factor, words in candidates:
        mean, temperature = with_prior(evidence.exact, weight)
        ratio = float(evidence.fine.temperature.value) / (factor * temperature)
        far = float(np.linalg.norm(mean))
        near = float(np.linalg.norm(evidence.fine.mean.value - mean))
        if far > 3 * MEAN_TOLERANCE and max(near, unsure) < 0.25 * far:
            if 0.7 < ratio < 1.4:
                return words
            best = best or f"{words}, and T is off by a factor of {ratio:.2g}"
    return best


def _unsettled(evidence: Evidence) -> str:
    """Detect a variance that still changes, by more than four of its standard errors."""
    first, last = evidence.fine.spread[[0, -1]]
    dim = len(evidence.fine.mean.value)
    change = math.exp(4 * math.sqrt(4 / (evidence.fine.chains * dim)))
    changes = f"the variance between chains goes from {first:.2g} to {last:.2g}"
    if last > change * first:
        return (
            f"{changes} and grows on: the noise is too strong for the gradient (is that of the "
            "mean loss taken for that of U, the sum?)"
        )
    if first > change * last and last < 1:
        return f"{changes} from the first draw to the last: are draws averaged over time?"
    if first > change * last:
        return f"{changes}: the chains have not settled; they move too slowly for the step size"
    return ""


def _apart(evidence: Evidence) -> str:
    """Detect chains that do not mix; averages over few draws are inconclusive."""
    apart, total = evidence.fine.apart, float(evidence.fine.temperature.value)
    if len(evidence.fine.spread) < 6 or apart < 0.5 * total:
        return ""
    return (
        f"the chains stay apart: of a variance of {total:.2g}, {apart:.2g} is between their means "
        "(does each see other data, or move too little?)"
    )


def _anisotropy(evidence: Evidence) -> str:
    """Detect a temperature that depends on the direction."""
    found, error = evidence.fine.equipartition, float(evidence.fine.equipartition.error.max())
    values = np.linalg.eigvalsh((found.value + found.value.T) / 2)
    if values[-1] - values[0] < 0.1 * values.mean() + 2 * forgiven(evidence.fine) * error:
        return ""
    words = f"T is {values[0]:.2g} to {values[-1]:.2g}, depending on the direction"
    if evidence.coarse is None:
        return words + _hint(evidence)
    return (
        f"{words}: the noise does not match the preconditioner (√G belongs to the noise, G to the "
        "gradient)"
    )


def _scale(evidence: Evidence) -> str:
    """Detect a temperature that is a power of N, N/n, 2, or 1/(1 − μ)."""
    n, more, t = evidence.n, evidence.oversampling, evidence.temperature
    conventions = "gradient and noise follow different step-size conventions"
    known = [
        (n, f"samples at T = {t:.4g} ≈ N: the noise is not scaled by 1/N, as that of the mean "
         "loss must be (its variance is then N times too large)"),
        (1 / n, f"samples at T = {t:.3g} ≈ 1/N: the noise's variance is too small by a factor N"),
        (more, f"samples at T = {t:.3g} ≈ N/n: the minibatch's gradient lacks the factor N/n"),
        (1 / more, f"samples at T = {t:.3g} ≈ n/N: the noise's variance is too small by n/N"),
        (2, f"T = {t:.2f}: {conventions} ((ε/2)·∇U goes with √ε noise, not with √(2ε))"),
        (0.5, f"T = {t:.2f}: {conventions} (√ε noise goes with (ε/2)·∇U, not with ε·∇U)"),
        (4, f"T = {t:.2f}: the noise is doubled in size"),
        (0.25, f"T = {t:.2f}: the noise is halved in size"),
    ]  # fmt: skip
    momentum = evidence.settings.get("momentum")
    if momentum:
        words = f"T = {t:.3g} ≈ 1/(1 − μ): the noise's variance lacks the factor (1 − μ)"
        known.insert(0, (1 / (1 - momentum), words))
    # What is named is not far from what was measured: 3 % and two and a half standard errors.
    error = float(evidence.fine.configurational.error) / t if t > 0 else math.inf
    factor = math.exp(min(TOLERANCE + 2.5 * error, 0.2))
    for value, words in known:
        if not _near(value, 1, 1.2) and _near(t, value, factor if 0.1 < value < 10 else 1.5):
            return words
    return ""


def _near(value: float, other: float, factor: float) -> bool:
    return 1 / factor < value / other < factor


def _unknown(evidence: Evidence) -> str:
    shift = np.abs(evidence.fine.mean.value).max()
    return (
        f"another density is sampled: its variance is {evidence.fine.temperature.value:.3g} times "
        f"the exact one, its mean is off by {shift:.2g} standard deviations{_hint(evidence)}"
    )


def _hint(evidence: Evidence) -> str:
    if evidence.coarse is None:
        return (
            "; without a setting step_size it was run as it is (a Metropolis test left out, "
            "rejected states not repeated, or too little warm-up would do this)"
        )
    change = float(evidence.coarse.temperature.value / evidence.fine.temperature.value)
    if 0.9 < change < 1.1:
        return (
            "; it does not vanish with the step size (a preconditioner that follows the state "
            "without its term Γ = ∂G/∂θ would do this)"
        )
    return f"; T changes by a factor of {change:.2g} when the step size doubles"
