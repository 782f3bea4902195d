"""Split a sampler's total variation from the posterior into bias and Monte-Carlo error.

The average over a run's draws differs from the posterior's prediction for two reasons: the sampler
draws from another density, or has not arrived at it (bias), and its draws are few and correlated
(Monte-Carlo error). The average of k independent runs has the same bias, and 1/k of the variance.
With T_k the total variation from the reference of the average of k runs, the squares add up:

    T_k² = bias² + error²/k.

Two values of k, one run and all of them, give both. The equation is exact where the errors of the
inputs and classes are Gaussian and the bias is zero, and where it is the same multiple of the error
everywhere and large; between, the bias is underestimated by at most a few per cent
(`benchmarks.statistics` measures it). The reference's own Monte-Carlo error is removed in the same
way: two halves of its draws differ by twice the error of all of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

from bdlbench.metrics.bootstrap import point_weights
from bdlbench.metrics.functions import Float64s
from bdlbench.metrics.ranking import Pairs, p_values
from bdlbench.metrics.scores import in_distribution
from bdlbench.metrics.statistics import Interval
from bdlbench.records.densities import Densities
from bdlbench.records.predictions import Predicted
from bdlbench.records.quantization import to_probabilities
from bdlbench.records.record import Record
from bdlbench.reference.predictive import Averages, Mixture, cells
from bdlbench.reference.reference import Reference

BIAS, ERROR = "tv_bias", "tv_error"
FEWEST = 3  # runs; without one of them there must be two


@dataclass(frozen=True, eq=False)
class Distances:
    """Total variations of one sampler's runs from the reference, by input.

    Attributes:
        seeds: Seeds of the runs, at least two.
        single: Mean over all runs of each one's, and that without each run, (1 + runs, inputs).
        pooled: That of the runs' average, and of the average without each run, (1 + runs, inputs).
        halves: Between the halves of the reference, (inputs,).
    """

    seeds: tuple[int, ...]
    single: Float64s
    pooled: Float64s
    halves: Float64s

    @cached_property
    def observed(self) -> Float64s:
        """bias² and error² of all runs and without each of them, (2, 1 + runs)."""
        return np.asarray(self.squares(np.ones((len(self.halves), 1)))[..., 0])

    @cached_property
    def resampled(self) -> Float64s:
        """bias² and error² of all runs on resamples of the inputs, (2, resamples)."""
        return np.asarray(self.squares(point_weights(len(self.halves)), slice(1))[:, 0])

    @property
    def bias(self) -> Float64s:
        """bias² of all runs and without each of them, (1 + runs,)."""
        return np.asarray(self.observed[0])

    def squares(self, weights: Float64s, rows: slice = slice(None)) -> Float64s:
        """Return bias² and error² of weighted inputs; by chance, one may be negative.

        Args:
            weights: Shape (inputs, resamples), each resample with a sum of `inputs`.
            rows: Of `single` and `pooled`; the first is of all runs.

        Returns:
            Shape (2, rows, resamples), of all runs and without each of them.
        """
        n, all_runs = len(weights), len(self.seeds)
        single, pooled = self.single[rows], self.pooled[rows]
        k = np.array([all_runs, *[all_runs - 1] * all_runs])[: len(single), None]
        one, many = np.square(single @ weights / n), np.square(pooled @ weights / n)
        error = k * (one - many) / (k - 1)
        return np.stack([one - error - np.square(self.halves @ weights / n) / 4, error])


def distances(runs: Mapping[int, Predicted], reference: Reference) -> Distances | None:
    """Return the distances of a sampler's completed runs; None if there are fewer than two.

    Args:
        runs: In-distribution predictions, by seed.
        reference: The reference posterior.
    """
    if len(runs) < 2:
        return None
    found = reference.sets["test"]
    target, halves = _target(found)
    p = np.stack([_probabilities(run, found) for run in runs.values()])
    total, each = p.sum(axis=0), np.stack([_variation(one, target) for one in p])
    single, pooled = [each.mean(axis=0)], [_variation(total / len(p), target)]
    if len(p) >= FEWEST:
        for k, run in enumerate(p):
            single.append((each.sum(axis=0) - each[k]) / (len(p) - 1))
            pooled.append(_variation((total - run) / (len(p) - 1), target))
    return Distances(tuple(runs), np.stack(single), np.stack(pooled), _variation(*halves))


def split(found: Distances) -> dict[str, Interval]:
    """Return bias and Monte-Carlo error of one run, with 95 % confidence intervals.

    The intervals are of the squares: the variance over seeds by the jackknife, that over test
    inputs by the bootstrap, added as in `statistics.paired_difference`. There is none for two runs.
    """
    parts = zip((BIAS, ERROR), found.observed, found.resampled, strict=True)
    return {name: _interval(square, points.var(ddof=1)) for name, square, points in parts}


def _interval(square: Float64s, over_points: float) -> Interval:
    """Return the square root of an estimate, of all runs and without each, and its interval."""
    all_runs, without = square[0], square[1:]
    mean = math.sqrt(max(all_runs, 0.0))
    seeds = len(without)
    if not seeds:
        return Interval(mean, None, None, 2)
    t, z = float(special.stdtrit(seeds - 1, 0.975)), float(special.ndtri(0.975))
    half = math.sqrt(t**2 * _jackknife(without) + z**2 * over_points)
    low, high = (math.sqrt(max(all_runs + side * half, 0.0)) for side in (-1, 1))
    return Interval(mean, low, high, seeds)


def _jackknife(without: Float64s) -> float:
    """Return the variance of an estimate, from its values without each run."""
    runs = len(without)
    return float((runs - 1) / runs * np.square(without - without.mean()).sum())


def compare_pairs(entries: Sequence[Distances | None]) -> Pairs:
    """Compare the bias² of every pair of samplers, for their ranks.

    Samplers without distances, with fewer than three seeds, or with different ones are not told
    apart.
    """
    shape = len(entries), len(entries)
    difference, p = np.zeros(shape), np.ones(shape)
    for i, j in combinations(range(len(entries)), 2):
        a, b = entries[i], entries[j]
        if a and b and a.seeds == b.seeds and len(a.seeds) >= FEWEST:
            difference[i, j], p[i, j] = _compare(a, b)
    return Pairs(difference.T - difference, p)


def _compare(a: Distances, b: Distances) -> tuple[float, float]:
    """Return the difference of bias², b − a, and its p-value."""
    apart = b.bias - a.bias
    points = float((b.resampled[0] - a.resampled[0]).var(ddof=1))
    one = np.ones(1)
    p = p_values(apart[:1], _jackknife(apart[1:]) * one, points * one, np.array([len(a.seeds)]))
    return float(apart[0]), float(p[0])


def of_draws(reference: Reference, draws: int) -> float | None:
    """Return the Monte-Carlo error of a number of independent exact draws, as a total variation.

    It is extrapolated from the halves of the reference, whose effective sample size is known; None
    for a reference without one.
    """
    size = reference.facts.diagnostics.get("ess_of_inputs_median")
    if not size:
        return None
    found = reference.sets["test"]
    size = min(size, len(found.location)) if isinstance(found, Mixture) else size
    halves = float(_variation(*_target(found)[1]).mean())
    return halves / math.sqrt(2) * math.sqrt(size / 2 / draws)


def measure(
    runs: Sequence[tuple[Record, Mapping[str, Predicted]]], reference: Reference | None
) -> dict[str, Interval]:
    """Compute bias and Monte-Carlo error of the completed runs of one sampler, as `split` does."""
    if reference is None:
        return {}
    inside = {record.seed: in_distribution(sets) for record, sets in runs}
    found = distances(inside, reference)
    return split(found) if found else {}


def _target(found: Averages | Mixture) -> tuple[Float64s, tuple[Float64s, Float64s]]:
    """Return the reference's probabilities, (inputs, classes or cells), and those of its halves."""
    if isinstance(found, Mixture):
        first, second = (cells(half, found.bounds).T for half in found.halves)
        return found.cells.T, (first, second)
    first, second = to_probabilities(found.halves)
    return to_probabilities(found.log_probabilities), (first, second)


def _probabilities(run: Predicted, found: Averages | Mixture) -> Float64s:
    if isinstance(run, Densities):
        assert isinstance(found, Mixture), "check_fits compares the likelihoods"
        return cells(run, found.bounds).T
    return run.probabilities


def _variation(p: Float64s, q: Float64s) -> NDArray[np.float64]:
    """Return ½ Σ |p − q| of every input, from arrays (inputs, classes)."""
    return np.asarray(0.5 * np.abs(p - q).sum(axis=-1))
