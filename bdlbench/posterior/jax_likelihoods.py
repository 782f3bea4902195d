"""Translation of likelihoods into functions of JAX arrays, one rule per likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array

from bdlbench.errors import BdlbenchError
from bdlbench.posterior.likelihoods import Bernoulli, Categorical, Likelihood
from bdlbench.posterior.regression import Gaussian, Heteroscedastic, LearntGaussian, StudentT

LogProb = Callable[[Array, Array], Array]


def translate(likelihood: Likelihood) -> LogProb:
    """Return log p(y∣x, θ), shape (n,), as a function of outputs (n, outputs) and y (n,).

    Raises:
        BdlbenchError: The type of the likelihood is not known.
    """
    rule = _RULES.get(type(likelihood))
    if rule is None:
        known = ", ".join(kind.__name__ for kind in _RULES)
        raise BdlbenchError(
            f"likelihood {type(likelihood).__name__} has no translation to JAX; "
            f"expected one of {known}"
        )
    return lambda outputs, y: rule(likelihood, outputs, y)


def _categorical(likelihood: Categorical, outputs: Array, y: Array) -> Array:
    chosen = jnp.take_along_axis(outputs, y[:, None], axis=1)[:, 0]
    return chosen - jax.nn.logsumexp(outputs, axis=1)


def _bernoulli(likelihood: Bernoulli, outputs: Array, y: Array) -> Array:
    return y * outputs[:, 0] - jax.nn.softplus(outputs[:, 0])


def _gaussian(likelihood: Gaussian, outputs: Array, y: Array) -> Array:
    residual = (y - outputs[:, 0]) / likelihood.noise_std
    return -0.5 * residual**2 - math.log(likelihood.noise_std * math.sqrt(2 * math.pi))


def _scaled_gaussian(
    likelihood: LearntGaussian | Heteroscedastic, outputs: Array, y: Array
) -> Array:
    log_scale = math.log(likelihood.noise_std) + likelihood.spread * outputs[:, 1]
    residual = (y - outputs[:, 0]) * jnp.exp(-log_scale)
    return -0.5 * residual**2 - log_scale - 0.5 * math.log(2 * math.pi)


def _student_t(likelihood: StudentT, outputs: Array, y: Array) -> Array:
    df, scale = likelihood.df, likelihood.scale
    residual = (y - outputs[:, 0]) / scale
    half = 0.5 * (df + 1)
    constant = math.lgamma(half) - math.lgamma(0.5 * df) - math.log(scale * math.sqrt(df * math.pi))
    return constant - half * jnp.log1p(residual**2 / df)


_RULES: dict[type, Callable[[Any, Array, Array], Array]] = {
    Categorical: _categorical,
    Bernoulli: _bernoulli,
    Gaussian: _gaussian,
    LearntGaussian: _scaled_gaussian,
    Heteroscedastic: _scaled_gaussian,
    StudentT: _student_t,
}
