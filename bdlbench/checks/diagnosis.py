"""Describe what is wrong with a sampler, from what was measured of it."""

from __future__ import annotations

import math

import numpy as np

from bdlbench.checks import step_diagnosis
from bdlbench.checks.functionals import OF_TENSOR, TOTAL
from bdlbench.checks.increments import Step, one_step
from bdlbench.checks.measuring import Measured
from bdlbench.checks.result import Subject

SILENT = 1e-6  # variance of a step's noise, divided by ε, that is none
POINT = 1e-3  # temperature below which draws are a point estimate
LEAST_NOISE = 0.01  # share of the variance in another tensor, below which there is none
LEAST_RATIO = 1.1  # of the temperatures of two tensors
CONVENTIONS = "gradient and noise have different step-size conventions"


def diagnose(subject: Subject, measured: Measured, finer: Measured | None) -> str:
    """Describe the first known fault that the measurements show, or the measurements.

    Args:
        subject: The plugin.
        measured: The measurement that failed.
        finer: Another at a smaller step size, if the sampler has one.
    """
    step = one_step(subject)
    best = finer or measured
    return (
        _asked(measured)
        or _chains(measured, step)
        or _still(measured, step)
        or step_diagnosis.noise_exponent(measured, finer, step)
        or step_diagnosis.prior(step)
        or step_diagnosis.minibatch(step)
        or _falling(measured, step)
        or _apart(measured)
        or _acceptance(subject)
        or _moments(measured, step)
        or step_diagnosis.gradient(step)
        or step_diagnosis.correlated(step)
        or step_diagnosis.moving(step)
        or _extreme(best)
        or _tensors(best, step)
        or _scale(best)
        or _density(best)
    ) + step_diagnosis.measured_step(step)


def _asked(measured: Measured) -> str:
    asked = measured.effort.temperature
    if asked == 1:
        return ""
    sampled = asked * measured.estimates.temperature[0]
    return (
        f"asked for T = {asked:g}, it samples at {sampled:.3g} (T multiplies the variance of the "
        "noise, √T its standard deviation)"
    )


def _chains(measured: Measured, step: Step | None) -> str:
    white = measured.white[:, : measured.effort.chains]
    between, total = white[-1].var(axis=0).mean(), (white[-1] ** 2).mean()
    if (
        step is not None
        and step.noises.common < -0.9
        and any(v > POINT for v in step.noise.values())
    ):
        return "the noise is centred over the chains: a chain alone has none"
    over_time = white.mean(axis=1).var(axis=0).mean() if len(white) > 4 else 0.0
    if over_time > 0.25 * max(total, 1e-12) and over_time > 0.05:
        return (
            f"the chains move together: the variance between chains is {between:.2g}, that of "
            f"their mean over time {over_time:.2g} (is the same noise added to all of them?)"
        )
    if measured.frozen:
        return f"{measured.frozen} of {white.shape[1]} chains never move"
    return ""


def _falling(measured: Measured, step: Step | None) -> str:
    """Detect draws whose variance falls although the first step is right."""
    if step is None or not all(0.9 < value < 1.1 for value in step.noise.values()):
        return ""
    variances = measured.white[:, : measured.effort.chains].var(axis=1).mean(axis=1)
    if variances[-1] > 0.6 * variances[0]:
        return ""
    return (
        f"the first step is right, but the variance of the draws falls from {variances[0]:.2g} to "
        f"{variances[-1]:.2g}: are states averaged, or is the noise reduced?"
    )


def _apart(measured: Measured) -> str:
    white = measured.white[:, : measured.effort.chains]
    total, apart = (white[-1] ** 2).mean(), white.mean(axis=0).var(axis=0).mean()
    if len(white) > 6 and apart > 0.4 * total and measured.estimates.mixed:
        return (
            f"the chains do not mix: of a variance of {total:.2g}, {apart:.2g} is between their "
            "means (does each see different data, such as its own minibatch?)"
        )
    return ""


def _still(measured: Measured, step: Step | None) -> str:
    """Detect draws without noise."""
    value = measured.width
    if step is not None and max(step.noise.values()) > SILENT:
        return ""
    near_n = 0.6 < value * measured.known.posterior.n < 1.7
    if value > 0.02 or near_n:
        return ""
    return f"the draws do not vary (T = {value:.2g}): θ gets no noise, this is a point estimate"


def _acceptance(subject: Subject) -> str:
    if not subject.habits.potential_of_minibatch:
        return ""
    return (
        "a different density is sampled: U is evaluated on minibatches, with which a Metropolis "
        "test accepts too much or too little"
    )


def _moments(measured: Measured, step: Step | None) -> str:
    """Detect a wrong weight of the prior from mean and variance, if there is no step to measure."""
    known = measured.known
    if step is not None or not known.gaussian or measured.effort.temperature != 1:
        return ""
    precision, dim = np.linalg.inv(known.covariance), len(known.mean)
    names = np.array(measured.estimates.names)
    mean = measured.estimates.deviation[names == "mean"]
    for weight, words in ((0.0, "the prior is missing"), (2.0, "the prior counts twice")):
        change = (weight - 1) / known.posterior.prior_std**2 * np.eye(dim)
        if np.linalg.eigvalsh(precision + change)[0] <= 0:
            continue
        other = np.linalg.solve(precision + change, precision @ known.mean) - known.mean
        expected = np.linalg.solve(known.root, other)
        if np.linalg.norm(mean - expected) < 0.25 * np.linalg.norm(expected):
            return words
    return ""


def _tensors(measured: Measured, step: Step | None) -> str:
    """Detect a temperature that depends on the tensor or on the direction."""
    if not measured.known.gaussian:
        return ""
    found = _by_tensor(measured)
    low, high = min(found, key=found.__getitem__), max(found, key=found.__getitem__)
    if found[high] / max(found[low], 1e-12) > LEAST_RATIO and _differ(measured):
        return (
            f"T depends on the tensor: {found[low]:.2g} in {low}, {found[high]:.2g} in {high}"
            f"{_hint(step)}"
        )
    estimates = measured.estimates
    variances = 1 + estimates.deviation[[n == "variance" for n in estimates.names]]
    if variances.max() > 1.5 * max(variances.min(), 1e-12):
        return (
            f"T is {variances.min():.2g} to {variances.max():.2g}, depending on the direction"
            f"{_hint(step)}"
        )
    return ""


def _differ(measured: Measured) -> bool:
    """Return whether the temperatures of two tensors differ significantly."""
    estimates = measured.estimates
    tensors = np.array([name.startswith(OF_TENSOR) for name in estimates.names])
    low = (estimates.deviation + estimates.half)[tensors].min()
    return bool((estimates.deviation - estimates.half)[tensors].max() > low)


def _by_tensor(measured: Measured) -> dict[str, float]:
    estimates = measured.estimates
    return {
        name.removeprefix(OF_TENSOR): 1 + float(deviation)
        for name, deviation in zip(estimates.names, estimates.deviation, strict=True)
        if name.startswith(OF_TENSOR)
    }


def _hint(step: Step | None) -> str:
    if step is None:
        return ""
    most = max(step.noise.values())
    silent = [name for name, variance in step.noise.items() if variance < LEAST_NOISE * most]
    if silent:
        return f": there is no noise in {', '.join(silent)}"
    return ": the noise does not match a preconditioner (√G on the noise, G on the gradient)"


def _extreme(measured: Measured) -> str:
    """Name a temperature that is wrong by more than any shape explains."""
    return "" if 0.05 < measured.estimates.temperature[0] < 20 else _scale(measured)


def _scale(measured: Measured) -> str:
    """Name a temperature that is a power of N, N/n, 2, or 1/(1 − μ)."""
    settings = vars(measured.sampler)
    n = measured.known.posterior.n
    more = n / (settings.get("batch_size") or n)
    t, error = measured.estimates.settled.temperature
    if abs(t - 1) < 0.04:
        return ""
    momentum = settings.get("momentum")
    known = [
        (n, f"samples at T = {t:.4g} ≈ N: the variance of the noise is not scaled by 1/N, as the "
         "mean loss requires"),
        (1 / n, f"samples at T = {t:.3g} ≈ 1/N: the noise variance is too small by a factor N"),
        (more, f"samples at T = {t:.3g} ≈ N/n: the minibatch gradient lacks the factor N/n"),
        (1 / more, f"samples at T = {t:.3g} ≈ n/N: the noise variance is too small by n/N"),
        (2, f"T = {t:.2f}: {CONVENTIONS} ((ε/2)·∇U goes with √ε noise, not with √(2ε))"),
        (0.5, f"T = {t:.2f}: {CONVENTIONS} (√ε noise goes with (ε/2)·∇U, not with ε·∇U)"),
        (4, f"T = {t:.2f}: the standard deviation of the noise is doubled"),
        (0.25, f"T = {t:.2f}: the standard deviation of the noise is halved"),
    ]  # fmt: skip
    if momentum:
        words = f"T = {t:.3g} ≈ 1/(1 − μ): the noise variance lacks the factor (1 − μ)"
        known.insert(0, (1 / (1 - momentum), words))
    factor = math.exp(min(0.05 + 2.5 * error / max(t, 1e-9), 0.2))
    for value, words in known:
        wide = factor if 0.1 < value < 10 else 1.5
        if not 1 / 1.2 < value < 1.2 and t > 0 and 1 / wide < t / value < wide:
            return words
    return f"it samples at T = {t:.3g}"


def _density(measured: Measured) -> str:
    return f"a different density is sampled: {described(measured)}"


def described(measured: Measured) -> str:
    """Describe the deviation that is furthest outside."""
    estimates = measured.estimates
    worst = estimates.worst
    words = {
        "mean": "the mean is off by {0:+.2g} σ",
        "variance": "a variance is {1:.3g} times the exact one",
        TOTAL: "the variance is {1:.3g} times the exact one",
        "covariance": "a correlation is off by {0:+.2g}",
        "energy": "the mean of U is off by {0:+.2g} of its standard deviation",
        "spread of the energy": "the variance of U is {1:.3g} times the exact one",
        "shape": "the probability of being below a quantile is off by {0:+.2g}",
        "modes": "the share of a mode is off by {0:+.2g}",
    }
    value = float(estimates.deviation[worst])
    default = "the " + estimates.names[worst] + " is {1:.3g}"
    text = words.get(estimates.names[worst], default).format(value, 1 + value)
    return f"{text} ± {estimates.half[worst]:.2g}"
