"""Conformal prediction sets from stored class probabilities, as contributions of inputs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from bdlbench.metrics.functions import EQUAL, dense_ranks
from bdlbench.metrics.parts import Float64s, Parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bdlbench.records.predictions import Predictions

MISSED = 1, 10  # share of labels that a set may miss, as a fraction: 10 %


def set_size(predictions: Predictions) -> Parts | None:
    """Return the mean number of classes in the 90 % prediction sets.

    Least ambiguous sets (LAC; Sadinle, Lei & Wasserman, 2019): the classes with p_c ≥ t. Inputs at
    odd places are calibrated on those at even places, and vice versa: t is the ⌈0.9 (m + 1)⌉-th
    highest probability of the label among the m inputs of the other half, or 0 if there are too
    few. Probabilities that are equal to a relative 2⁻²⁸ are tied.
    """
    return _of_halves(predictions, covered=False)


def coverage(predictions: Predictions) -> Parts | None:
    """Return the share of labels in the 90 % prediction sets of `set_size`."""
    return _of_halves(predictions, covered=True)


def _of_halves(predictions: Predictions, covered: bool) -> Parts | None:
    if len(predictions.labels) < 2:
        return None
    even = np.arange(len(predictions.labels)) % 2 == 0
    halves = [_half(predictions, calibrating, covered) for calibrating in (even, ~even)]
    widths = [half.shape[1] for half in halves]
    finish = partial(_finish, edge=widths[0], inputs=len(predictions.labels))
    return Parts(sparse.hstack(halves, format="csr"), finish)


def _half(
    predictions: Predictions, calibrating: NDArray[np.bool_], covered: bool
) -> sparse.csr_array:
    """Return contributions (inputs, 2·thresholds + 1), of calibration inputs and of the others.

    The thresholds are the distinct probabilities of the label among calibration inputs, from the
    highest. A calibration input counts at its threshold (first block); another one, for each class
    of its set, at the first threshold that includes the class (second block; the last is 0).
    """
    p, y = predictions.probabilities, predictions.labels
    of_label = p[np.arange(len(y)), y]
    own = dense_ranks(-of_label[calibrating])
    count = int(own.max()) + 1
    rising = np.sort(_lowest(of_label[calibrating], own, count)) * (1 - EQUAL)
    rest = np.flatnonzero(~calibrating)
    candidates = of_label[rest, None] if covered else p[rest]
    first = count - np.searchsorted(rising, candidates, side="right")  # count: included by 0 only
    rows = np.concatenate([np.flatnonzero(calibrating), np.repeat(rest, candidates.shape[1])])
    columns = np.concatenate([own, count + first.ravel()])
    return sparse.csr_array((np.ones(len(rows)), (rows, columns)), (len(y), 2 * count + 1))


def _lowest(values: Float64s, ranks: NDArray[np.intp], count: int) -> Float64s:
    """Return the lowest value of every rank."""
    lowest = np.full(count, np.inf)
    np.minimum.at(lowest, ranks, values)
    return lowest


def _finish(means: Float64s, edge: int, inputs: int) -> Float64s:
    sums = np.rint(means.reshape(len(means), -1) * inputs)
    total = sum(_included(half) for half in np.split(sums, [edge]))
    return np.asarray(total / inputs).reshape(means.shape[1:])


def _included(half: Float64s) -> Float64s:
    """Return the number of classes in the sets of one half, (resamples,)."""
    count = len(half) // 2
    calibrated, included = np.cumsum(half[:count], axis=0), np.cumsum(half[count:], axis=0)
    missed, of = MISSED
    needed = -((missed - of) * (calibrated[-1] + 1) // of)  # integer ceil of 0.9 (m + 1)
    threshold = (calibrated < needed).sum(axis=0)
    return np.asarray(included[threshold, np.arange(half.shape[1])])
