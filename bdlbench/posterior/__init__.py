"""Potential U(θ) and its gradient, for a model, a likelihood and a prior."""

from bdlbench.posterior.potential import Posterior, build_posterior

__all__ = ["Posterior", "build_posterior"]
