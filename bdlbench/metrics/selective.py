"""Selective classification: the risk of the most confident inputs, as contributions of inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from bdlbench.metrics.functions import correct, dense_ranks, max_probability
from bdlbench.metrics.parts import Float64s, Parts

if TYPE_CHECKING:
    from collections.abc import Callable

    from bdlbench.records.predictions import Predictions

    Risk = Callable[[Float64s, Float64s, int], Float64s]


def aurc(predictions: Predictions) -> Parts:
    """Return the area under the risk-coverage curve: the mean over k = 1…n of errors among k, ÷ k.

    Geifman & El-Yaniv (2017): the k inputs are those with the highest max_c p_c, the risk is the
    0/1 loss. Inputs of equal confidence share their mean error, so that their order is immaterial.
    """
    return _by_confidence(predictions, _risk)


def augrc(predictions: Predictions) -> Parts:
    """Return the area under the generalised risk-coverage curve.

    Traub et al. (2024): the generalised risk at coverage k/n is the number of errors among the k
    most confident inputs ÷ n, integrated over coverage by the trapezoidal rule at distinct
    confidences. It is (1 − AUROC)·a·(1 − a) + (1 − a)²/2, where a is the accuracy and AUROC that of
    the confidence for telling right from wrong.
    """
    return _by_confidence(predictions, _generalised_risk)


def _by_confidence(predictions: Predictions, risk: Risk) -> Parts:
    """Return the numbers of inputs and of errors by confidence, the highest first."""
    p, n = predictions.probabilities, len(predictions.labels)
    wrong = 1 - correct(p, predictions.labels)
    ranks = dense_ranks(max_probability(p))
    cells, shape = (np.arange(n), ranks), (n, int(ranks.max()) + 1)
    tables = [sparse.csr_array((values, cells), shape) for values in (np.ones(n), wrong)]

    def finish(means: Float64s) -> Float64s:
        counts, errors = np.split(np.rint(means * n), 2)
        return risk(counts, errors, n)

    return Parts(sparse.hstack(tables, format="csr"), finish)


def _risk(counts: Float64s, errors: Float64s, n: int) -> Float64s:
    # In a group, risk(k) = (E + (k − N)·rate)/k, with N inputs and E errors before the group.
    harmonic = np.concatenate([[0.0], np.cumsum(1 / np.arange(1, n + 1))])
    passed = np.cumsum(counts, axis=0).astype(np.intp)
    before = passed - counts.astype(np.intp)
    rate = errors / np.maximum(counts, 1)
    wrong_before = np.cumsum(errors, axis=0) - errors
    sums = (wrong_before - before * rate) * (harmonic[passed] - harmonic[before]) + errors
    return np.asarray(sums.sum(axis=0) / n)


def _generalised_risk(counts: Float64s, errors: Float64s, n: int) -> Float64s:
    middle = np.cumsum(errors, axis=0) - errors / 2
    return np.asarray((counts * middle).sum(axis=0) / n**2)
