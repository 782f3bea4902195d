"""Losses of class probabilities, as contributions of inputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special

from bdlbench import metrics
from bdlbench.metrics.parts import Float64s, Parts
from bdlbench.records.predictions import Predictions

JOINED = 10  # inputs of a joint prediction


def mean_of(loss: Callable[[Any, Any], Float64s]) -> Callable[[Predictions], Parts]:
    """Return the metric that is the mean of a loss of probabilities and labels."""
    return lambda predictions: Parts(loss(predictions.probabilities, predictions.labels))


def confident(predictions: Predictions) -> Parts:
    """Return whether the highest probability is above 0.9."""
    return Parts(metrics.confident(predictions.probabilities))


def joint(predictions: Predictions) -> Parts | None:
    """Return −log mean_θ Π p(labels∣θ) of 10 consecutive inputs, at the first of them.

    From the trace, which has the first 200 inputs. Contributions are (loss, 1) at the first input
    of each ten, else 0: a resample draws whole tens.
    """
    trace = predictions.trace
    tens = 0 if trace is None else trace.shape[1] // JOINED
    if trace is None or not tens:
        return None
    grouped = trace[:, : tens * JOINED].astype(np.float64).reshape(len(trace), tens, JOINED)
    log_p = special.logsumexp(grouped.sum(axis=-1), axis=0) - np.log(len(trace))
    contributions = np.zeros((len(predictions.labels), 2))
    contributions[: tens * JOINED : JOINED] = np.stack([-log_p, np.ones(tens)], axis=1)
    return Parts(contributions, _ratio)


def _ratio(means: Float64s) -> Float64s:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(means[0] / means[1])
