"""The likelihoods of `bdlbench.posterior`, under the name that plugins import."""

from bdlbench.posterior.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood

__all__ = ["Bernoulli", "Categorical", "Gaussian", "Likelihood"]
