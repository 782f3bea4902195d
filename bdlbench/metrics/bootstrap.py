"""Bootstrap over test inputs, with metrics as functions of the inputs' weights."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from bdlbench import metrics
from bdlbench.metrics.scores import in_distribution

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from bdlbench.metrics.functions import Float64s, Floats
    from bdlbench.records.predictions import Predictions

    Sets = Mapping[str, Predictions]
    Weighted = Callable[..., Float64s]
    """A metric as a function of the weights of the test inputs, (inputs,) for each set that it
    uses, or (inputs, resamples) for one value per resample."""

_BLOCK = 100  # resamples at a time: their weights stay in the processor's cache
_STRIPS = 16  # of the layout of cumulative sums
_LOSSES = {
    "accuracy": metrics.correct,
    "negative_log_likelihood": metrics.log_losses,
    "brier_score": metrics.squared_errors,
}
_OOD = ("auroc", "confident_fraction")


def bootstrap(
    functions: Sequence[Weighted], sizes: Sequence[int], resamples: int = 1000, seed: int = 0
) -> Float64s:
    """Compute metrics on the test inputs, and on resamples of them that all functions share.

    Args:
        functions: From `weighted`, for the same metric.
        sizes: Number of inputs in each set that the metric uses, from `inputs`.
        resamples: Number of resamples.
        seed: Seed of the resampling.

    Returns:
        Shape (functions, 1 + resamples); the observed values come first.
    """
    # AUROC counts pairs, which is exact in float32; the other metrics are means, in float64.
    dtype = np.float64 if len(sizes) == 1 else np.float32
    ones = [np.ones((n, 1), dtype) for n in sizes]
    blocks = [ones, *_bootstrap_weights(sizes, resamples, seed, dtype)]
    return np.concatenate(
        [[function(*weights) for function in functions] for weights in blocks], axis=1
    )


def _bootstrap_weights(
    sizes: Sequence[int], resamples: int, seed: int, dtype: type[np.floating]
) -> Iterator[list[Floats]]:
    """Yield blocks of bootstrap weights, (inputs, resamples) for each set."""
    rng = np.random.default_rng(seed)
    for begin in range(0, resamples, _BLOCK):
        block = [
            [np.bincount(rng.integers(n, size=n), minlength=n) for n in sizes]
            for _ in range(begin, min(begin + _BLOCK, resamples))
        ]
        yield [np.stack(counts, axis=1).astype(dtype) for counts in zip(*block, strict=True)]


def _ood_set(metric: str) -> str | None:
    """Return the OOD set that a metric uses, or None."""
    parts = metric.split(".")
    if len(parts) == 3 and parts[0] == "ood" and parts[2] in _OOD:
        return parts[1]
    if metric in _LOSSES or metric == "expected_calibration_error":
        return None
    ood = [f"ood.<set>.{name}" for name in _OOD]
    known = ", ".join([*_LOSSES, "expected_calibration_error", *ood])
    raise ValueError(f"expected one of {known}, got {metric!r}")


def inputs(metric: str, sets: Sets) -> list[int]:
    """Return the number of inputs in each set that a metric uses."""
    ood = _ood_set(metric)
    outside = [len(sets[ood].labels)] if ood else []
    if metric.endswith(".confident_fraction"):
        return outside
    return [len(in_distribution(sets).labels), *outside]


def weighted(metric: str, sets: Sets) -> Weighted:
    """Return a metric of predictions as a function of the inputs' weights.

    Raises:
        ValueError: The metric is not one of those of `paired_difference`.
    """
    ood, inside = _ood_set(metric), in_distribution(sets)
    if ood is not None:
        if ood not in sets:
            raise ValueError(f"expected a set named {ood}, got {sorted(sets)}")
        if metric.endswith(".confident_fraction"):
            return _weighted_mean(metrics.confident(sets[ood].probabilities))
        in_scores, out_scores = (
            metrics.predictive_entropy(s.probabilities) for s in (inside, sets[ood])
        )
        return _weighted_auroc(in_scores, out_scores)
    if metric in _LOSSES:
        return _weighted_mean(_LOSSES[metric](inside.probabilities, inside.labels))
    bins, gaps = metrics.calibration_gaps(inside.probabilities, inside.labels)
    by_bin = sparse.csr_array((gaps, (bins, np.arange(len(gaps)))))
    return lambda weights: np.asarray(np.abs(by_bin @ weights).sum(axis=0) / len(gaps))


def _weighted_mean(losses: NDArray[Any]) -> Weighted:
    return lambda weights: np.asarray(losses @ weights / len(losses))


def _weighted_auroc(in_scores: Float64s, out_scores: Float64s) -> Weighted:
    # scikit-learn's also takes weights, but sorts for each resample: 60 times as long.
    in_ranks, out_ranks = metrics.joint_ranks(in_scores, out_scores)
    in_order, out_order = np.argsort(in_ranks), np.argsort(out_ranks)
    ranked, outside = in_ranks[in_order], out_ranks[out_order]
    rows, place = _in_strips(in_order)
    below = place[np.searchsorted(ranked, outside, side="left")]
    up_to = place[np.searchsorted(ranked, outside, side="right")]
    pairs = len(in_ranks) * len(out_ranks)

    # All but the last sum are integers below 2²⁴, which are exact in float32.
    def weighted(in_weights: Floats, out_weights: Floats) -> Float64s:
        passed = in_weights.take(rows, axis=0)
        passed[0] = 0
        strips = passed.reshape(_STRIPS, -1, *passed.shape[1:])
        for strip, following in pairwise(strips):
            following += strip
        strips[:, 1:] += np.cumsum(strips[-1, :-1], axis=0)
        beaten = passed.take(below, axis=0) + passed.take(up_to, axis=0)
        beaten *= out_weights.take(out_order, axis=0)
        return np.asarray(beaten.sum(axis=0, dtype=np.float64) / (2 * pairs))

    return weighted


def _in_strips(order: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return a layout for cumulative sums in which whole strips are added.

    `np.cumsum` sums column by column, which takes six times as long. The sum of the first k weights
    is in strip k mod S, at k // S.

    Returns:
        The index of the weight in every row (arbitrary for padding), and the rows of sums 0..n.
    """
    sums = np.arange((len(order) // _STRIPS + 1) * _STRIPS).reshape(-1, _STRIPS).T.ravel()
    place = np.argsort(sums)[: len(order) + 1]
    return order[np.clip(sums - 1, 0, len(order) - 1)], place
