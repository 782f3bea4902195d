"""Calibration errors of class probabilities, as contributions of inputs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse, special

from bdlbench.metrics.functions import EQUAL, calibration_gaps, dense_ranks
from bdlbench.metrics.parts import Finish, Float64s, Parts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from bdlbench.records.predictions import Predictions

BINS = 15


def expected(predictions: Predictions) -> Parts:
    """Return confidence − correctness by bin of the confidence; see `calibration_gaps`."""
    bins, gaps = calibration_gaps(predictions.probabilities, predictions.labels, BINS)
    return Parts(_by_bin(gaps, bins), lambda means: np.asarray(np.abs(means).sum(axis=0)))


def _by_bin(values: Float64s, bins: NDArray[np.intp]) -> Any:
    """Return one value per input as contributions to its bin, a sparse array (inputs, BINS)."""
    return sparse.csr_array((values, (np.arange(len(values)), bins)), (len(values), BINS))


def if_calibrated(predictions: Predictions) -> Parts:
    """Return the expected ECE of a calibrated predictor with the same confidences."""
    return _of_variances(predictions, lambda v: np.sqrt(2 / np.pi * v).sum(axis=0))


def if_calibrated_at_most(predictions: Predictions) -> Parts:
    """Return the 97.5 % quantile of the ECE of a calibrated predictor, likewise."""
    share = 1 - 2 / np.pi  # variance of |x| of a standard normal x

    def quantile(v: Float64s) -> Float64s:
        spread = np.sqrt(share * v.sum(axis=0))
        return np.asarray(np.sqrt(2 / np.pi * v).sum(axis=0) + special.ndtri(0.975) * spread)

    return _of_variances(predictions, quantile)


def _of_variances(predictions: Predictions, finish: Finish) -> Parts:
    """Return a function of the variance of confidence − correctness of each bin, if calibrated.

    With labels drawn from the confidences p, the sum over a bin of p − correctness has mean 0 and
    variance Σ p(1 − p). It is taken for normal, which changes the quantile by about 2 %.
    """
    bins, _ = calibration_gaps(predictions.probabilities, predictions.labels, BINS)
    *others, p = np.sort(predictions.probabilities, axis=1).T
    # Not 1 − p, which loses the digits of a small variance, of which the root is taken.
    variances = _by_bin(p * np.sum(others, axis=0), bins)
    return Parts(variances, lambda means: finish(means / len(p)))


def classwise(predictions: Predictions) -> Parts:
    """Return p_k − [label = k] by class k and bin of p_k, closed on the right."""
    p = predictions.probabilities
    inputs, classes = p.shape
    inner_edges = np.arange(1, BINS) / BINS * (1 + EQUAL)
    bins = np.searchsorted(inner_edges, p, side="left") + BINS * np.arange(classes)
    gaps = p - np.eye(classes)[predictions.labels]
    rows = np.repeat(np.arange(inputs), classes)
    contributions = sparse.csr_array((gaps.ravel(), (rows, bins.ravel())), (inputs, BINS * classes))
    return Parts(contributions, lambda means: np.asarray(np.abs(means).sum(axis=0) / classes))


def adaptive(predictions: Predictions) -> Parts:
    """Return count and p_k − [label = k] by class k and distinct p_k, of which ranges are made."""
    p = predictions.probabilities
    inputs, classes = p.shape
    ranks = np.stack([dense_ranks(p[:, k]) for k in range(classes)], axis=1)
    offsets = np.concatenate([[0], np.cumsum(ranks.max(axis=0) + 1)])
    columns = (ranks + offsets[:-1]).ravel()
    gaps = (p - np.eye(classes)[predictions.labels]).ravel()
    cells = np.repeat(np.arange(inputs), classes), columns
    shape = inputs, int(offsets[-1])
    tables = [sparse.csr_array((values, cells), shape) for values in (np.ones(len(gaps)), gaps)]
    sizes = np.array([len(part) for part in np.array_split(np.zeros(inputs), min(BINS, inputs))])

    def finish(means: Float64s) -> Float64s:
        counts, sums = np.split(means * inputs, 2)
        errors = [
            _of_ranges(np.rint(counts[begin:end]), sums[begin:end], sizes)
            for begin, end in pairwise(offsets)
        ]
        return np.asarray(np.mean(errors, axis=0))

    return Parts(sparse.hstack(tables, format="csr"), finish)


def _of_ranges(counts: Float64s, sums: Float64s, sizes: NDArray[np.int64]) -> Float64s:
    """Return the mean |gap| over ranges of inputs, of one class, from sums by distinct p."""
    edges = np.concatenate([[0], np.cumsum(sizes)])
    shape = counts.shape[1:]
    counts, sums = (part.reshape(len(part), -1) for part in (counts, sums))
    passed, total = (np.cumsum(np.vstack([0 * part[:1], part]), axis=0) for part in (counts, sums))
    at_edges = [np.interp(edges, x, y) for x, y in zip(passed.T, total.T, strict=True)]
    gaps = np.diff(at_edges, axis=1) / sizes
    return np.asarray(np.abs(gaps).mean(axis=1).reshape(shape))
