"""Bootstrap over test inputs, with metrics as functions of the inputs' weights."""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bdlbench import metrics
from bdlbench.data.set_names import SHIFT
from bdlbench.metrics import catalogue
from bdlbench.metrics.catalogue import DETECTION
from bdlbench.metrics.scores import in_distribution, of_set, uncertainties

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from bdlbench.metrics.functions import Float64s, Floats
    from bdlbench.records.predictions import Predicted, Sets

    Weighted = Callable[..., Float64s]
    """A metric as a function of the weights of the test inputs, (inputs,) for each set that it
    uses, or (inputs, resamples) for one value per resample."""
    Runs = Mapping[int, Weighted]
    """One sampler's runs on one metric, by seed."""
    Values = Mapping[int, Float64s]
    """Their values by seed: that on the test inputs, then those on resamples, (1 + resamples,)."""

_BLOCK = 100  # resamples at a time: their weights stay in the processor's cache
_STRIPS = 16  # of the layout of cumulative sums


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


def resample(entries: Sequence[Runs], sizes: Sequence[int]) -> list[Values]:
    """Compute a metric of the runs of several samplers by `bootstrap`, on the same resamples."""
    functions = [run for runs in entries for run in runs.values()]
    values = iter(bootstrap(functions, sizes) if functions else ())
    return [{seed: next(values) for seed in runs} for runs in entries]


@lru_cache(maxsize=1)
def point_weights(n: int, resamples: int = 1000, seed: int = 0) -> Float64s:
    """Return how often each of n test inputs is in each resample, (n, resamples)."""
    blocks = _bootstrap_weights([n], resamples, seed, np.float64)
    return np.concatenate([weights for (weights,) in blocks], axis=1, dtype=np.float64)


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


def inputs(metric: str, sets: Sets) -> list[int]:
    """Return the number of inputs in each set that a metric uses."""
    return [len(predictions) for predictions in _used(metric, sets)]


def weighted(metric: str, sets: Sets) -> Weighted:
    """Return a metric of predictions as a function of the inputs' weights.

    Raises:
        ValueError: The metric is unknown, or not defined for these predictions.
    """
    used = _used(metric, sets)
    if len(used) == 2:
        prefix, _, function = catalogue.split(metric)[0].removeprefix("ood.<set>.").rpartition(".")
        inside, outside = (uncertainties(s)[prefix and f"{prefix}."] for s in used)
        if function == "auroc":
            return _weighted_auroc(inside, outside)
        return _weighted_pairs(DETECTION[function], inside, outside)
    parts = of_set(catalogue.general(metric), used[0])
    if parts is None:
        raise ValueError(f"expected predictions that {metric} is defined for, got others")
    return parts


def _used(metric: str, sets: Sets) -> list[Predicted]:
    """Return the predictions that a metric uses: those of one set, or of two that it compares."""
    (pattern, name), found = catalogue.split(metric), catalogue.general(metric)
    if name is None:
        if found.parts is None:
            raise ValueError(f"expected a metric of test inputs, got {metric!r}")
        return [in_distribution(sets)]
    name = SHIFT + name if pattern.startswith("shift.") else name
    if name not in sets:
        raise ValueError(f"expected a set named {name}, got {sorted(sets)}")
    return [sets[name]] if found.parts else [in_distribution(sets), sets[name]]


def _weighted_pairs(
    function: Callable[[Float64s, Float64s], float], in_scores: Float64s, out_scores: Float64s
) -> Weighted:
    """Return a comparison of two sets of scores, for whole numbers as weights."""

    def weighted(in_weights: Floats, out_weights: Floats) -> Float64s:
        pairs = zip(in_weights.T.astype(int), out_weights.T.astype(int), strict=True)
        return np.array([function(np.repeat(in_scores, i), np.repeat(out_scores, o))
                         for i, o in pairs])  # fmt: skip

    return weighted


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
