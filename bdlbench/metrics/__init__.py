"""Metrics of predictive distributions, with confidence intervals, tests and ranks."""

from bdlbench.metrics.functions import *  # noqa: F403
