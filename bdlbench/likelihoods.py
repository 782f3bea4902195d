"""Likelihoods; the stable name of `bdlbench.posterior.likelihoods`."""

from bdlbench.posterior.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood

__all__ = ["Bernoulli", "Categorical", "Gaussian", "Likelihood"]
