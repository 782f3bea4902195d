"""Describe what one step shows of a wrong sampler."""

from __future__ import annotations

import numpy as np

from bdlbench.checks.increments import Step
from bdlbench.checks.measuring import Measured


def noise_exponent(measured: Measured, finer: Measured | None, step: Step | None) -> str:
    """Detect noise whose variance is not proportional to ε, so that T depends on ε."""
    if step is None or not abs(step.exponent - 0.5) > 0.1:
        return ""
    coarse = measured.estimates.temperature[0]
    change = f", and T with it: {coarse:.3g} at κ = {measured.effort.stiffness:g}"
    if finer is not None:
        fine = finer.estimates.temperature[0]
        change += f", {fine:.3g} at {finer.effort.stiffness:.2g}"
    return (
        f"the standard deviation of the noise grows like ε^{step.exponent:.2g}, expected √ε{change}"
        " (is the noise multiplied by the learning rate, or are the minibatches its only source?)"
    )


def prior(step: Step | None) -> str:
    """Detect a wrong weight of the prior in the drift."""
    if step is None or abs(step.likelihood) < 0.05:
        return ""
    if abs(step.noises.prior_on_biases) < 0.35:  # one standard error is about 0.05
        return "there is no prior on the biases"
    ratio, n = step.prior / step.likelihood, step.n
    for value, words in (
        (0.0, "the prior is missing"),
        (2.0, "the prior is counted twice (in U and as weight decay?)"),
        (1 / n, "the prior is divided by N, as in a mean loss"),
    ):
        if abs(ratio - value) < 0.15 * max(value, 0.5):
            return words
    if abs(ratio - 1) < 0.3:
        return ""
    return f"the prior's gradient has {ratio:.2g} times the weight of the likelihood's"


def minibatch(step: Step | None) -> str:
    """Detect a wrong factor of N/n."""
    if step is None:
        return ""
    likelihood, prior = step.minibatch
    if likelihood < 0.6:
        return "the likelihood of the minibatch lacks the factor N/n"
    if prior > 1.6:
        return "the prior is multiplied by N/n along with the minibatch's likelihood"
    return "the prior is divided by N/n with the minibatch" if prior < 0.6 else ""


def gradient(step: Step | None) -> str:
    """Detect the gradient of the mean loss."""
    if step is None or not 0.5 < step.likelihood * step.n < 2:
        return ""
    return (
        f"the drift is 1/{1 / step.likelihood:.0f} of (ε/2)·∇U: the gradient is that of the mean "
        "loss, instead of U, the sum"
    )


def correlated(step: Step | None) -> str:
    """Detect noise that is correlated between parameters: 4,000 chains have below 0.1 by chance."""
    if step is None or step.noises.correlation < 0.2 or max(step.noise.values()) < 1e-3:
        return ""
    return (
        f"the noise of different parameters is correlated, by up to {step.noises.correlation:.2g}"
    )


def moving(step: Step | None) -> str:
    """Detect noise that depends on the state."""
    if step is None or not step.noises.of_state < -0.05:
        return ""
    return (
        "a different density is sampled: a preconditioner that depends on the state, without the "
        "term Γ = ∂G/∂θ"
    )


def measured_step(step: Step | None) -> str:
    """Append the measured step, of a sampler that moves like Langevin dynamics."""
    if step is None:
        return ""
    drift, noise = np.mean(list(step.drift.values())), np.mean(list(step.noise.values()))
    return f" [one step: drift {drift:.3g}·(ε/2)·∇U, noise variance {noise:.3g}·ε]"
