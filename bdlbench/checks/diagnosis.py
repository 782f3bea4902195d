"""Name what is wrong with a sampler from the moments that it has on an exact problem."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from bdlbench.checks.sampling import Array, Moments
from bdlbench.exact import ExactPosterior

TOLERANCE = 0.03  # of the temperature: the O(ε) bias at the step sizes used is half of that
MEAN_TOLERANCE = 0.1  # of the mean, in posterior standard deviations
SIGMAS = 4.0  # how many standard errors are forgiven: a false alarm in 16,000 of each number


@dataclass(frozen=True)
class Measurement:
    """Hold what was measured on one problem.

    Args:
        exact: The problem.
        batch_size: Points in a minibatch, or n.
        moments: At a small step size.
    """

    exact: ExactPosterior
    batch_size: int
    moments: Moments


def faults(measured: Measurement) -> list[str]:
    """Return what does not hold: mean, temperature, covariance; empty for an exact sampler."""
    moments, errors = measured.moments, measured.moments.errors
    assert errors is not None
    found = []
    if np.any(np.abs(moments.mean) > MEAN_TOLERANCE + SIGMAS * errors.mean):
        found.append("mean")
    off = abs(moments.temperature - 1) > TOLERANCE + SIGMAS * errors.temperature
    config = abs(moments.configurational - 1) > TOLERANCE + SIGMAS * errors.configurational
    if off or config:
        found.append("temperature")
    deviation = np.abs(moments.covariance - np.eye(len(moments.mean)))
    if np.any(deviation > 2 * TOLERANCE + SIGMAS * np.asarray(errors.covariance)):
        found.append("covariance")
    return found


def diagnose(measured: Measurement, coarse: Moments) -> str:
    """Say in words what is wrong; `coarse` are the moments at twice the step size."""
    prior = _prior_mistake(measured)
    if measured.moments.temperature < 1e-3:
        return "the draws do not vary: no noise reaches θ, this is a point estimate"
    return (
        _noise_exponent(measured.moments, coarse)
        or prior
        or _scale(measured)
        or _anisotropy(measured)
        or f"samples at T = {measured.moments.temperature:.3g}, with a mean that is off by "
        f"{np.abs(measured.moments.mean).max():.2g} posterior standard deviations"
    )


def _noise_exponent(fine: Moments, coarse: Moments) -> str:
    """Tell noise whose variance is not proportional to ε: T then changes with ε by a power of 2."""
    ratio = coarse.temperature / fine.temperature
    exponent = (1 + math.log2(ratio)) / 2  # of ε in the noise's standard deviation
    if abs(exponent - 0.5) < 0.3:
        return ""
    return (
        f"T changes with the step size, by {ratio:.2g} when ε doubles: the noise's standard "
        f"deviation grows like ε^{exponent:.2g}, expected √ε (is it inside the learning rate?)"
    )


def _prior_mistake(measured: Measurement) -> str:
    """Tell a wrong weight of the prior by the mean and the variance that it would give."""
    n, batch = measured.exact.posterior.n, measured.batch_size
    candidates = {
        0.0: "the prior is left out",
        2.0: "the prior is counted twice (in U and as weight decay?)",
        n / batch: "the prior is multiplied by N/n along with the minibatch's likelihood",
        batch
        / n: "the likelihood of the minibatch lacks the factor N/n: the prior weighs too much",
    }
    for weight, words in candidates.items():
        mean, temperature = _with_prior(measured.exact, weight)
        far = float(np.linalg.norm(mean))
        near = float(np.linalg.norm(measured.moments.mean - mean))
        if far > 3 * MEAN_TOLERANCE and near < 0.25 * far:
            ratio = measured.moments.temperature / temperature
            return words if 0.7 < ratio < 1.4 else f"{words}, and T is off by a factor {ratio:.2g}"
    return ""


def _with_prior(exact: ExactPosterior, weight: float) -> tuple[Array, float]:
    """Return mean and temperature, in whitened coordinates, with the prior's weight changed."""
    change = (weight - 1) / exact.posterior.prior_std**2 * torch.eye(len(exact.mean))
    precision = torch.linalg.inv(exact.covariance)
    covariance = torch.linalg.inv(precision + change)
    shift = covariance @ (precision @ exact.mean) - exact.mean
    root = torch.linalg.cholesky(exact.covariance)
    white = torch.linalg.solve_triangular(root, shift[:, None], upper=False)[:, 0]
    return white.numpy(), float(torch.trace(precision @ covariance)) / len(exact.mean)


def _scale(measured: Measurement) -> str:
    """Tell a temperature that is a power of something: N, N/n, or 2."""
    n, batch, t = measured.exact.posterior.n, measured.batch_size, measured.moments.temperature
    known = {
        float(n): f"samples at T = {t:.4g} ≈ N: the noise is not scaled by 1/N (it belongs to the "
        "gradient of U, the sum; this is that of the mean loss)",
        1 / n: f"samples at T = {t:.3g} ≈ 1/N: the noise is too small by a factor N in variance",
        n / batch: f"samples at T = {t:.3g} ≈ N/n: the minibatch gradient lacks the factor N/n",
        2.0: f"T = {t:.2f}: gradient and noise follow different step-size conventions "
        "((ε/2)·∇U goes with √ε noise, not with √(2ε))",
        0.5: f"T = {t:.2f}: gradient and noise follow different step-size conventions "
        "(√ε noise goes with (ε/2)·∇U, not with ε·∇U)",
        4.0: f"T = {t:.2f}: the noise is doubled in size",
        0.25: f"T = {t:.2f}: the noise is halved in size",
    }
    for value, words in known.items():
        forgiven = 1.12 if 0.1 < value < 10 else 1.5
        if value != 1 and t > 0 and 1 / forgiven < t / value < forgiven:
            return words
    return ""


def _anisotropy(measured: Measurement) -> str:
    """Tell a variance that is right on average, or wrong by another factor along each axis."""
    eigenvalues = np.linalg.eigvalsh(measured.moments.covariance)
    if eigenvalues[-1] > 1.3 * max(eigenvalues[0], 1e-9):
        return (
            f"the variance is {eigenvalues[0]:.2g} to {eigenvalues[-1]:.2g} times the exact one, "
            "depending on the direction: the noise does not match the preconditioner, or the "
            "density that is sampled has another shape"
        )
    return ""
