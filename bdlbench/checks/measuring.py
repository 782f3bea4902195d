"""One measurement: run a sampler, compare with exact draws, and look at single chains."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from bdlbench.checks.estimates import Estimates, estimate, kept
from bdlbench.checks.known import Array, Known
from bdlbench.checks.sampling import Effort, Sampled, Sampler, run, suited

STRAY = 4.0  # squared distance beyond which a chain is a stray, as a multiple of the pool's largest
ARRIVED = 0.3  # deviation of means and variances of chains that started over-dispersed


@dataclass(frozen=True)
class Measured:
    """The draws of a sampler on a problem, and their deviations from the exact posterior.

    Args:
        known: The problem.
        effort: The size of the measurement.
        sampler: The sampler as it was run.
        sampled: Its draws.
        estimates: The deviations.
    """

    known: Known
    effort: Effort
    sampler: Sampler
    sampled: Sampled
    estimates: Estimates

    @property
    def figure(self) -> str:
        """The temperature of the draws, as text."""
        value, error = self.estimates.temperature
        return f"T = {value:.4g} ± {2 * error:.2g}"

    @cached_property
    def white(self) -> Array:
        """The draws in coordinates in which the exact ones have mean 0 and covariance I."""
        return self.known.whiten(self.known.at_one(self.sampled.draws, self.effort.temperature))

    @property
    def width(self) -> float:
        """Variance between the chains from exact draws at the last draw, of the exact one."""
        return float(self.white[-1, : self.effort.chains].var(axis=0).mean())

    @property
    def strays(self) -> tuple[int, float]:
        """Number of chains that go, or in the end are, where no exact draw is; how far, in σ."""
        exact = self.known.whiten(self.known.pool[:20_000])
        most = STRAY * (exact**2).sum(axis=-1).max()
        distances = (self.white**2).sum(axis=-1)
        split = self.effort.chains
        distance = np.r_[distances[:, :split].max(axis=0), distances[-1, split:]]
        far = distance > most
        return int(far.sum()), float(math.sqrt(distance.max()))

    @property
    def frozen(self) -> int:
        """Number of chains from exact draws that never move."""
        theta = self.sampled.draws[:, : self.effort.chains]
        still = (theta == theta[0]).all(axis=(0, 2)) if len(theta) > 2 else np.zeros(1, bool)
        return int(still.sum())

    def late(self) -> str:
        """Describe chains that started over-dispersed and are not where the others are.

        Empty if they are, or if the chains that started at exact draws have not forgotten their
        start either: then the sampler is slow, and not wrong.
        """
        split, last = self.effort.chains, self.white[len(self.white) // 2 :]
        start = self.known.whiten(self.sampled.start)
        if not self.effort.wide:
            return ""
        for name, power in (("mean", 1), ("variance", 2)):
            now, before = (last**power).mean(axis=0), start**power
            exact, wide = now[:split], now[split:]
            gap = wide.mean(axis=0) - exact.mean(axis=0)
            error = np.hypot(
                exact.std(axis=0, ddof=1) / math.sqrt(split),
                wide.std(axis=0, ddof=1) / math.sqrt(self.effort.wide),
            )
            first = np.abs(before[split:].mean(axis=0) - before[:split].mean(axis=0))
            allowed = ARRIVED + 2 * (np.abs(kept(before[:split], exact)) + 0.1) * first
            beyond = np.abs(gap) - 4.5 * error - allowed
            if beyond.max() > 0:
                worst = int(beyond.argmax())
                return (
                    f"where the chains end depends on where they start: {name} {gap[worst]:+.2g} "
                    "for over-dispersed ones, although those that start at exact draws mix"
                )
        return ""


def measure(
    sampler: Sampler, known: Known, effort: Effort, batch_size: int | None = None
) -> Measured:
    """Set the step and batch size of a sampler, run it, and estimate its deviations."""
    fitted = suited(sampler, known, effort)
    sampled = run(fitted, known, effort, batch_size)
    estimates = estimate(known, sampled, effort.chains, effort.temperature)
    return Measured(known, effort, fitted, sampled, estimates)
