"""Metrics of averaged class probabilities: accuracy, calibration and OOD detection.

Pure functions on NumPy arrays, in float64. `probabilities` has shape (inputs, classes), with rows
that sum to 1; `labels` has shape (inputs,) and contains class indices. Invalid input raises a
ValueError.

Results differ between processors only by the rounding of a mean. Values that are compared (scores,
probabilities, bin edges) are tied if their relative difference is at most `EQUAL`: probabilities
are stored with few bits, many are exactly equal, and one unit in the last place of `exp` must not
break such a tie.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Float64s = NDArray[np.float64]
Labels = NDArray[np.integer]

EQUAL = 2.0**-28
"""Relative difference up to which two numbers are considered equal.

It is far above rounding errors. Probabilities have a relative error of a few 2⁻⁵², as have the
entropy and 1 − max p, whose terms all have the same sign: below 2⁻⁴⁸. The mutual information is
0 or at least 1e-5 of the entropy that it is subtracted from: 2⁻⁴⁸ / 1e-5 < 2⁻³¹. It is far below
the resolution of stored log-probabilities, 2⁻⁹, so that different scores are hardly ever tied.
"""
_ROW_SUM_TOLERANCE = 1e-4


def _checked(probabilities: Floats) -> Float64s:
    p = np.asarray(probabilities, dtype=np.float64)
    if p.ndim != 2 or 0 in p.shape:
        raise ValueError(f"expected probabilities of shape (inputs, classes), got {p.shape}")
    if not np.isfinite(p).all() or (p < 0).any():
        raise ValueError("expected finite, non-negative probabilities, got NaN, inf or below 0")
    worst = float(np.abs(p.sum(axis=1) - 1).max())
    if worst > _ROW_SUM_TOLERANCE:
        raise ValueError(f"expected rows that sum to 1, got a row that differs by {worst:.3g}")
    return p


def _checked_pair(probabilities: Floats, labels: Labels) -> tuple[Float64s, NDArray[np.integer]]:
    p, y = _checked(probabilities), np.asarray(labels)
    if y.shape != p.shape[:1] or not np.issubdtype(y.dtype, np.integer):
        raise ValueError(f"expected {len(p)} integer labels, got {y.dtype} of shape {y.shape}")
    if y.min() < 0 or y.max() >= p.shape[1]:
        raise ValueError(f"expected labels in 0..{p.shape[1] - 1}, got {y.min()}..{y.max()}")
    return p, y


def _checked_scores(scores: Floats) -> Float64s:
    s = np.asarray(scores, dtype=np.float64)
    if s.ndim != 1 or s.size == 0 or not np.isfinite(s).all():
        raise ValueError(f"expected a non-empty vector of finite scores, got shape {s.shape}")
    return s


def _checked_bins(bins: int) -> int:
    if bins < 1:
        raise ValueError(f"expected at least 1 bin, got {bins}")
    return bins


def most_probable(probabilities: Floats) -> NDArray[np.intp]:
    """Return the most probable class of every input, the first of tied ones, shape (inputs,)."""
    p = _checked(probabilities)
    return np.asarray((p >= p.max(axis=1, keepdims=True) * (1 - EQUAL)).argmax(axis=1))


def correct(probabilities: Floats, labels: Labels) -> Float64s:
    """Return 1.0 where the most probable class is the label, else 0.0, shape (inputs,)."""
    p, y = _checked_pair(probabilities, labels)
    return np.asarray(most_probable(p) == y, dtype=np.float64)


def confident(probabilities: Floats, threshold: float = 0.9) -> NDArray[np.bool_]:
    """Return whether the highest probability is above the threshold, shape (inputs,)."""
    return np.asarray(_checked(probabilities).max(axis=1) > threshold * (1 + EQUAL))


def dense_ranks(scores: Floats) -> NDArray[np.intp]:
    """Return the rank of every score among the distinct ones, 0 for the lowest, shape (inputs,).

    Scores that are adjacent in sorted order are tied if their relative difference is at most
    `EQUAL`. (Rounding them instead would separate equal scores at a rounding boundary.)
    """
    s = _checked_scores(scores)
    order = np.argsort(s, kind="stable")
    size = np.abs(s[order])
    steps = np.diff(s[order]) > EQUAL * np.maximum(size[1:], size[:-1])
    ranks = np.empty(len(s), np.intp)
    ranks[order] = np.concatenate([[0], np.cumsum(steps)])
    return ranks


def joint_ranks(in_scores: Floats, out_scores: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the `dense_ranks` of two sets of scores in their union."""
    inside, outside = _checked_scores(in_scores), _checked_scores(out_scores)
    ranks = dense_ranks(np.concatenate([inside, outside]))
    return ranks[: len(inside)], ranks[len(inside) :]


def log_losses(probabilities: Floats, labels: Labels) -> Float64s:
    """Return −log p(label) of every input, shape (inputs,), in nats.

    Probabilities are clipped at the smallest normal float64 (2.2e-308), so that a label predicted
    with probability 0 costs 708.4 nats instead of infinity.
    """
    p, y = _checked_pair(probabilities, labels)
    of_label = np.maximum(p[np.arange(len(y)), y], np.finfo(np.float64).tiny)
    return np.asarray(-np.log(of_label))


def squared_errors(probabilities: Floats, labels: Labels) -> Float64s:
    """Return Σ_c (p_c − [c = label])² of every input, in [0, 2], shape (inputs,)."""
    p, y = _checked_pair(probabilities, labels)
    return np.asarray(np.square(p - np.eye(p.shape[1])[y]).sum(axis=1))


def accuracy(probabilities: Floats, labels: Labels) -> float:
    """Compute the share of inputs whose most probable class is the label."""
    return float(correct(probabilities, labels).mean())


def negative_log_likelihood(probabilities: Floats, labels: Labels) -> float:
    """Compute the mean of −log p(label), in nats; see `log_losses` for p = 0."""
    return float(log_losses(probabilities, labels).mean())


def brier_score(probabilities: Floats, labels: Labels) -> float:
    """Compute the mean over inputs of Σ_c (p_c − [c = label])², in [0, 2] (Brier, 1950, eq. 2)."""
    return float(squared_errors(probabilities, labels).mean())


def calibration_gaps(
    probabilities: Floats, labels: Labels, bins: int = 15
) -> tuple[NDArray[np.intp], Float64s]:
    """Return the confidence bin of every input, and its confidence − correctness, both (inputs,).

    Bin b of B is (b/B, (b+1)/B], closed on the right, so that the last bin includes 1.0.
    """
    right = correct(probabilities, labels)
    confidence = np.asarray(probabilities, dtype=np.float64).max(axis=1)
    inner_edges = np.arange(1, _checked_bins(bins)) / bins * (1 + EQUAL)
    return np.searchsorted(inner_edges, confidence, side="left"), confidence - right


def expected_calibration_error(probabilities: Floats, labels: Labels, bins: int = 15) -> float:
    """Compute Σ_b (n_b/n) |mean confidence − accuracy| over equal-width confidence bins.

    Naeini et al. (2015), Guo et al. (2017, eq. 3); `calibration_gaps` defines the bins.
    """
    bin_of, gap = calibration_gaps(probabilities, labels, bins)
    return float(np.abs(np.bincount(bin_of, weights=gap)).sum() / len(gap))


def adaptive_calibration_error(probabilities: Floats, labels: Labels, bins: int = 15) -> float:
    """Compute the mean over classes k and ranges r of |mean p_k − frequency of k| in the range.

    ACE of Nixon et al. (2019), without a threshold: for each class, inputs are sorted by p_k and
    split into `bins` ranges of equal size (the first inputs mod bins have one more; fewer inputs
    than bins give one range per input). Inputs tied in p_k are assigned their mean outcome, so that
    the result does not depend on the order of the inputs.
    """
    p, y = _checked_pair(probabilities, labels)
    gaps = np.stack([_sorted_gaps(p[:, k], y == k) for k in range(p.shape[1])])
    ranges = np.array_split(gaps, min(_checked_bins(bins), len(y)), axis=1)
    return float(np.mean([np.abs(part.mean(axis=1)) for part in ranges]))


def _sorted_gaps(confidence: Float64s, outcome: NDArray[np.bool_]) -> Float64s:
    group = dense_ranks(confidence)
    counts = np.bincount(group)
    mean = np.bincount(group, weights=confidence) / counts
    frequency = np.bincount(group, weights=outcome) / counts
    return np.repeat(mean - frequency, counts)


def _without_top(p: Float64s) -> Float64s:
    others = p.copy()
    others[np.arange(len(p)), p.argmax(axis=1)] = 0.0
    return others


def predictive_entropy(probabilities: Floats) -> Float64s:
    """Compute −Σ_c p_c log p_c of every input, shape (inputs,), in nats.

    The highest probability is computed as 1 − the sum of the others, so that confident inputs
    differ even where it rounds to 1.0.
    """
    others = _without_top(_checked(probabilities))
    rest = others.sum(axis=1)
    logs = np.log(np.where(others > 0, others, 1.0))
    return np.asarray(-(others * logs).sum(axis=1) - (1 - rest) * np.log1p(-rest))


def max_probability(probabilities: Floats) -> Float64s:
    """Compute 1 − max_c p_c of every input, shape (inputs,), a measure of uncertainty.

    It is the sum over the other classes: 1 − max p would round to 0 within 1e-16 of 1, that is for
    logit gaps above about 37.
    """
    return np.asarray(_without_top(_checked(probabilities)).sum(axis=1))


def mutual_information(probabilities: Floats, expected_entropy: Floats) -> Float64s:
    """Compute the entropy of the mean − the mean entropy over draws, in nats, shape (inputs,).

    Houlsby et al. (2011). Values below 1e-5 of the entropy are set to 0: they are rounding errors
    of float32 predictions, which would rank the inputs of a sampler with a single draw. (The
    largest −log p, 87 for float32's smallest normal, has a rounding error of 3.8e-6.)
    """
    total, expected = predictive_entropy(probabilities), _checked_scores(expected_entropy)
    if expected.shape != total.shape:
        raise ValueError(f"expected {total.shape} expected entropies, got {expected.shape}")
    difference = total - expected
    rounding = 1e-5 * total + float(np.finfo(np.float32).tiny)
    return np.where(difference > rounding, difference, 0.0)


def _counts(in_scores: Floats, out_scores: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the number of inputs of either set with each distinct score, in ascending order."""
    inside, outside = joint_ranks(in_scores, out_scores)
    distinct = 1 + max(inside.max(), outside.max())
    return np.bincount(inside, minlength=distinct), np.bincount(outside, minlength=distinct)


def auroc(in_scores: Floats, out_scores: Floats) -> float:
    """Compute P(out > in) + ½ P(out = in), with out-of-distribution as the positive class.

    Pairs are counted in integers: only the final division is rounded.
    """
    inside, outside = _counts(in_scores, out_scores)
    won_twice = outside @ (2 * np.cumsum(inside) - inside)
    return int(won_twice) / (2 * int(inside.sum()) * int(outside.sum()))


def average_precision(in_scores: Floats, out_scores: Floats) -> float:
    """Compute Σ_n (R_n − R_{n−1}) P_n with out-of-distribution as the positive class.

    Not interpolated, as in scikit-learn: n runs over the distinct scores as thresholds, from the
    highest. It depends on the ratio of the two set sizes.
    """
    inside, outside = (counts[::-1] for counts in _counts(in_scores, out_scores))
    caught = np.cumsum(outside)
    precision = caught / (caught + np.cumsum(inside))
    return float(outside @ precision / caught[-1])


def fpr_at_95_tpr(in_scores: Floats, out_scores: Floats) -> float:
    """Compute the false positive rate at 95 % true positive rate, OOD being the positive class.

    It is the fraction of in-distribution scores ≥ t, for the largest threshold t with at least 95 %
    of the OOD scores ≥ t.
    """
    inside, outside = joint_ranks(in_scores, out_scores)
    caught = -(-95 * outside.size // 100)  # integer ceil: 0.95 is not exact in floating point
    threshold = np.sort(outside)[outside.size - caught]
    return float((inside >= threshold).mean())
