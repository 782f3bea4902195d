"""Deviations from the exact posterior, with standard errors, and verdicts by equivalence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bdlbench.checks.functionals import TOTAL, Group, evaluate
from bdlbench.checks.known import Array, Known
from bdlbench.checks.sampling import Sampled

State = Literal["within", "outside", "open"]
FALSE_ALARM = 1e-3  # probability that a problem's deviations of an exact sampler are "outside"
STRICT = 0.1  # factor of the bounds, for samplers without a step that biases
UNMIXED = 0.05  # least share of the start's influence that has to be forgotten


@dataclass(frozen=True)
class Estimates:
    """Deviations of many functionals from their exact expectations, each of shape (functionals,).

    Args:
        names: Kind of each functional, a name of `functionals`.
        deviation: Mean minus the exact expectation.
        error: Its standard error, over chains.
        forgotten: Share of the influence of the initial state that the draws have forgotten: 1
            after mixing, 0 if nothing has moved.
        bound: The largest deviation that is called exact.
        chains: Number of independent chains.
    """

    names: tuple[str, ...]
    deviation: Array
    error: Array
    forgotten: Array
    bound: Array
    chains: int

    @property
    def half(self) -> Array:
        """Half widths of simultaneous intervals (Bonferroni, Student's t)."""
        level = FALSE_ALARM / (2 * len(self.names))
        return float(stats.t.isf(level, self.chains - 1)) * self.error

    @property
    def required(self) -> NDArray[np.bool_]:
        """Whether a functional must be within its bound for a pass.

        Not the share of a mode: a right sampler may need very long to change it.
        """
        return np.array([name != "modes" for name in self.names])

    def states(self, slack: float = 1.0, strict: bool = False) -> list[State]:
        """Judge each functional.

        ``within``: the whole interval is within the bound, also for a sampler whose draws have
        forgotten only a share of their start, which divides the deviation in the limit.
        ``outside``: the whole interval is outside. ``open``: neither.

        Args:
            slack: Factor of the bounds.
            strict: Whether there can be no bias at all, so that a small one is ``outside``, too.
        """
        size, bound = np.abs(self.deviation), slack * self.bound
        outside = size - self.half > (STRICT if strict else 1) * bound
        within = ((size + self.half) / self.forgotten <= bound) & ~outside
        return ["within" if a else "outside" if b else "open"
                for a, b in zip(within, outside, strict=True)]  # fmt: skip

    @property
    def worst(self) -> int:
        """Index of the functional that is furthest outside, in units of its bound."""
        return int(np.argmax((np.abs(self.deviation) - self.half) / self.bound))

    @property
    def settled(self) -> Estimates:
        """The deviations that draws without any influence of the start would have."""
        share = self.forgotten
        ones = np.ones_like(share)
        return replace(
            self, deviation=self.deviation / share, error=self.error / share, forgotten=ones
        )

    @property
    def temperature(self) -> tuple[float, float]:
        """tr(covariance)/dim, relative to the exact one, and its standard error."""
        index = self.names.index(TOTAL)
        return 1 + float(self.deviation[index]), float(self.error[index])

    @property
    def mixed(self) -> bool:
        """Whether most functionals have forgotten most of their start."""
        return bool(np.median(self.forgotten[self.required]) > 0.5)


def estimate(known: Known, sampled: Sampled, exact: int, temperature: float = 1.0) -> Estimates:
    """Estimate the deviations from the chains that start at exact draws.

    Args:
        known: The problem.
        sampled: The draws.
        exact: Number of these chains, the first.
        temperature: The requested temperature.
    """
    theta = np.concatenate([sampled.start[None], sampled.draws])[:, :exact]
    return _summarize(list(evaluate(known, theta, temperature)), exact)


def _summarize(groups: Sequence[Group], chains: int) -> Estimates:
    names, columns = [], []
    for group in groups:
        start, means = group.values[0], group.values[1:].mean(axis=0)  # (chains, functions)
        error = np.sqrt(means.var(axis=0, ddof=1) / chains + group.uncertainty**2)
        columns.append([
            means.mean(axis=0) - group.expected, error, np.clip(1 - kept(start, means), UNMIXED, 1),
            np.full(len(error), group.bound),
        ])  # fmt: skip
        names += [group.name] * len(error)
    deviation, error, forgotten, bound = np.concatenate(columns, axis=1)
    return Estimates(tuple(names), deviation, error, forgotten, bound, chains)


def kept(start: Array, means: Array) -> Array:
    """Return the regression coefficients of the chains' means on their initial values."""
    centred = start - start.mean(axis=0)
    total = (centred**2).sum(axis=0)
    return np.asarray((centred * means).sum(axis=0) / np.where(total > 0, total, 1))


def limit(fine: Estimates, coarse: Estimates, ratio: float, order: float = 1.0) -> Estimates:
    """Extrapolate deviations to step size 0 (Richardson): terms of O(ε^order) cancel.

    Args:
        fine: At step size ε.
        coarse: At ratio·ε.
        ratio: The ratio of the step sizes.
        order: The order of the bias.
    """
    factor = ratio**order
    here, there = fine.settled, coarse.settled
    deviation = (factor * here.deviation - there.deviation) / (factor - 1)
    error = np.hypot(factor * here.error, there.error) / (factor - 1)
    return replace(here, deviation=deviation, error=error)
