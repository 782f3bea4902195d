"""Scores of predictive distributions, and the statistics behind intervals and ranks."""

from bdlbench.metrics.functions import *  # noqa: F403
