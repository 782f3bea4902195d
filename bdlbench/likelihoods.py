"""Likelihoods; the stable name of `bdlbench.posterior.likelihoods`."""

from bdlbench.posterior.likelihoods import (
    Bernoulli,
    Categorical,
    Gaussian,
    Heteroscedastic,
    LearntGaussian,
    Likelihood,
    StudentT,
    label,
)

__all__ = [
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Heteroscedastic",
    "LearntGaussian",
    "Likelihood",
    "StudentT",
    "label",
]
