"""R-hat and effective sample sizes, vectorised over quantities.

The estimators of Vehtari, Gelman, Simpson, Carpenter & Bürkner (2021), with the results of ArviZ,
which takes one quantity at a time: too slow for the hundreds of thousands of a leaderboard.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft, special, stats

Floats = NDArray[np.floating]
Float64s = NDArray[np.float64]


def r_hat(values: Floats) -> Float64s:
    """Return the rank-normalised split R-hat of each quantity, the larger of bulk and tail.

    It is NaN for a constant quantity, and infinite if every chain is constant, at different values
    (section 4).

    Args:
        values: Shape (chains, draws, quantities).
    """
    halves = _split(values)
    folded = np.abs(halves - np.median(halves, axis=(0, 1)))
    bulk, tail = (_of_scores(_normal_scores(x)) for x in (halves, folded))
    return np.where(tail > bulk, tail, bulk)


def bulk_ess(values: Floats) -> Float64s:
    """Return the bulk effective sample size of each quantity over all chains.

    It is computed on normal scores of the ranks, with Geyer's initial monotone sequence (section
    4.2). A constant quantity counts as one draw.

    Args:
        values: Shape (chains, draws, quantities).
    """
    halves = _split(values)  # without the middle draw of an odd number
    scores = _normal_scores(halves)
    chains, draws, _ = scores.shape
    rho = _autocorrelations(scores)
    # Sums of adjacent lags: ArviZ limits their number, and adds the term after the last positive.
    pairs = len(range(1, draws - 3, 2)) + 1
    sums = rho[0 : 2 * pairs : 2] + rho[1 : 2 * pairs : 2]
    positive = np.minimum((np.cumprod(sums > 0, axis=0)).sum(axis=0), pairs - 1)
    monotone = np.minimum.accumulate(sums, axis=0)
    taken = np.arange(pairs)[:, None] < positive
    each = np.arange(rho.shape[1])
    even, last = rho[2 * positive, each], sums[positive, each]
    tau = 2 * (monotone * taken).sum(axis=0) - 1 + np.where((even > 0) | (last >= 0), even, 0.0)
    size = chains * draws
    ess = size / np.maximum(tau, 1 / np.log10(size))
    return np.where(np.ptp(halves, axis=(0, 1)) > 0, ess, 1.0)


def _split(values: Floats) -> Floats:
    half = values.shape[1] // 2
    return np.concatenate([values[:, :half], values[:, -half:]])


def _normal_scores(values: Floats) -> Float64s:
    """Replace values by the normal quantiles of their ranks over all chains (Blom, 1958)."""
    flat = values.reshape(-1, values.shape[-1])
    ranks = stats.rankdata(flat, axis=0)
    return np.asarray(special.ndtri((ranks - 0.375) / (len(flat) + 0.25))).reshape(values.shape)


def _of_scores(scores: Float64s) -> Float64s:
    draws = scores.shape[1]
    within = scores.var(axis=1, ddof=1).mean(axis=0)
    between = scores.mean(axis=1).var(axis=0, ddof=1) * draws
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt((between / within + draws - 1) / draws))


def _autocorrelations(values: Float64s) -> Float64s:
    """Return the combined autocorrelation of all chains (equation 10), (draws, quantities)."""
    chains, draws, _ = values.shape
    centred = values - values.mean(axis=1, keepdims=True)
    transform = fft.rfft(centred, fft.next_fast_len(2 * draws), axis=1)
    power = fft.irfft(np.abs(transform) ** 2, fft.next_fast_len(2 * draws), axis=1)
    covariance = power[:, :draws].mean(axis=0) / draws
    within = covariance[0] * draws / (draws - 1)
    total = covariance[0]
    if chains > 1:
        total = total + values.mean(axis=1).var(axis=0, ddof=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = 1 - (within - covariance) / total
    rho[0] = 1.0
    return np.asarray(rho)
