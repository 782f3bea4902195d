"""Simulated boards: the values of runs whose true differences are known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

from bdlbench.comparison import resampled
from bdlbench.comparison.resampled import Resampled
from bdlbench.metrics import ranking
from bdlbench.metrics.bootstrap import point_weights
from bdlbench.metrics.statistics import UNCLEAR

if TYPE_CHECKING:
    from bdlbench.metrics.bootstrap import Values
    from bdlbench.metrics.functions import Float64s

COLUMNS = ("negative_log_likelihood", "brier_score", "expected_calibration_error")


@dataclass(frozen=True)
class Effects:
    """What makes runs differ: the loss of sampler k with seed s at point i is the sum of these.

    Args:
        seeds: Standard deviation of an effect of (k, s), the spread of a sampler over seeds.
        points: Standard error, over points, of an effect of (k, i): points that suit one sampler.
        noise: Standard error, over points, of an effect of (k, s, i).
        skewed: Whether the effects of (k, s) are exponential instead of normal.
        inputs: Number of test points.
    """

    seeds: float = 1.0
    points: float = 0.0
    noise: float = 0.0
    skewed: bool = False
    inputs: int = 200

    def draw(self, rng: np.random.Generator, shape: Sequence[int]) -> Float64s:
        """Draw losses, shape (…, samplers, seeds, inputs), whose mean is 0."""
        *boards, samplers, _ = shape
        own = rng.exponential(size=shape) - 1 if self.skewed else rng.normal(size=shape)
        errors = self.noise * rng.normal(size=(*shape, self.inputs))
        errors += self.points * rng.normal(size=(*boards, samplers, 1, self.inputs))
        errors += rng.normal(size=(*boards, 1, 1, self.inputs))  # of every point, for all samplers
        return np.asarray(self.seeds * own[..., None] + self.inputs**0.5 * errors)


@dataclass(frozen=True)
class Board:
    """A simulated board: every metric's values by sampler and seed."""

    columns: Mapping[str, Resampled]

    def leaders(self) -> list[set[int]]:
        """Return who is printed in bold in every column."""
        return [set(np.flatnonzero(column).tolist()) for column in ranking.leading(self.pairs)]

    def ranks(self) -> list[tuple[int, int]]:
        """Return the rank intervals by the first column."""
        return ranking.rank_intervals(self.pairs[0])

    @cached_property
    def pairs(self) -> list[ranking.Pairs]:
        """The tests of all pairs, by column."""
        return [
            ranking.compare_pairs(name, one.values, one.points)
            for name, one in self.columns.items()
        ]

    def sentences(self) -> list[tuple[str, str, str]]:
        """Return what `compare` says with sampler 0 as the baseline: sampler, verdict, metric."""
        first, *_ = self.columns.values()
        found = resampled.differences([str(k) for k in range(len(first.values))], self.columns)
        return [(name, one.verdict, one.metric) for name, one in found if one.verdict != UNCLEAR]


def boards(
    number: int,
    effects: Effects,
    samplers: int = 4,
    seeds: int = 5,
    columns: int = len(COLUMNS),
    lead: float = 0.0,
    seed: int = 0,
) -> Iterator[Board]:
    """Draw boards of equal samplers, of which the first is better by `lead` in every column.

    The columns are independent: the family of tests is larger than with metrics that agree.

    Args:
        number: Number of boards.
        effects: What makes runs differ.
        samplers: Number of samplers.
        seeds: Runs of every sampler.
        columns: Number of metrics; lower is better in all.
        lead: Lead of the first sampler in its true mean.
        seed: Seed of the simulation.
    """
    rng = np.random.default_rng(seed)
    for _ in range(number):
        losses = effects.draw(rng, (columns, samplers, seeds))
        losses[:, 0] -= lead
        found = [Resampled([*map(values, column)], effects.inputs) for column in losses]
        yield Board(dict(zip(COLUMNS, found, strict=False)))


def values(losses: Float64s) -> Values:
    """Return the values of runs with these losses at the test points, (seeds, points).

    They are those of `bootstrap.resample`, for all runs at once.
    """
    found = losses @ _weights(losses.shape[-1])
    return dict(enumerate(found))


@cache
def _weights(points: int) -> Float64s:
    """Return the share of every point, on the points as they are and in every resample."""
    return np.hstack([np.ones((points, 1)), point_weights(points)]) / points
