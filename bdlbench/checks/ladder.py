"""Decide by measurements at several step sizes whether a sampler is right in the limit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from bdlbench.checks.estimates import Estimates, State, limit
from bdlbench.checks.known import Known
from bdlbench.checks.measuring import Measured, measure
from bdlbench.checks.result import Verdict
from bdlbench.checks.sampling import Sampler, stepped
from bdlbench.errors import BdlbenchError

DOWN = 4.0  # ratio of the step sizes at which a bias must shrink
UP = 8.0  # factor of the step size for a sampler that hardly moves
LIMIT = 1.5  # factor of the bounds for an extrapolated deviation, whose error is larger
RUNGS = 3  # number of larger step sizes
MORE = 4  # factor of the draws where an interval is too wide
PERSISTS = 0.7  # share of a bias that remains at a quarter of the step, if it does not shrink
NO_NOISE = 0.02  # variance between chains, of the exact one, of a point estimate
NO_STEP = (
    "a bias, which may be that of a step size that the checks cannot change: name it step_size, or "
    "declare langevin_step(epsilon)"
)
EXACT = "mean, covariance, energy and shape are exact"


@dataclass(frozen=True)
class Found:
    """A verdict, and the measurements that it rests on.

    Args:
        verdict: ``pass``, ``fail`` or ``inconclusive``.
        measured: At the first step size, or at that where the sampler moves.
        meaning: What was found; empty if it has to be diagnosed.
        finer: At a smaller step size.
    """

    verdict: Verdict
    measured: Measured
    meaning: str = ""
    finer: Measured | None = None


@dataclass(frozen=True)
class Ladder:
    """Measurements of one sampler on one problem.

    Args:
        sampler: The sampler.
        known: The problem.
        batch_size: Points per step, of a sampler without a setting of that name.
        slack: Factor of the bounds.
        strict: Whether no step can bias it: it has none, and can have a Metropolis test.
    """

    sampler: Sampler
    known: Known
    batch_size: int | None
    slack: float
    strict: bool

    def climb(self, first: Measured) -> Found:
        """Judge a first measurement, and make more where it does not suffice."""
        has_step = stepped(self.sampler, 1.0) is not None
        found = self._judge(first)
        if found is None and has_step and self._is_slow(first):
            first = self._larger(first)
            found = self._judge(first)
        if found is None and "outside" not in self._states(first):
            if not first.estimates.mixed:
                return Found("inconclusive", first, _open(first.estimates, self.slack))
            first = self._again(first, draws=MORE * first.effort.draws)
            found = self._judge(first)
        if found is not None:
            return found
        if "outside" not in self._states(first):
            return Found("inconclusive", first, _open(first.estimates, self.slack))
        if has_step:
            return self._down(first)
        if self.strict or first.width < NO_NOISE:
            return Found("fail", first)
        return Found("inconclusive", first, NO_STEP)

    def _is_slow(self, measured: Measured) -> bool:
        return not measured.estimates.mixed and "outside" not in self._states(measured)

    def _judge(self, measured: Measured) -> Found | None:
        """Return what needs no further measurement."""
        count, far = measured.strays
        chains = measured.effort.chains + measured.effort.wide
        if count and count < 0.2 * chains:
            meaning = f"{count} of {chains} chains are outliers: one is {far:.0f} σ away"
            return Found("fail", measured, meaning)
        late = measured.late() if measured.estimates.mixed else ""
        if late:
            return Found("fail", measured, late)
        states = np.array(self._states(measured))
        if set(states[measured.estimates.required]) != {"within"} or "outside" in states:
            return None
        return Found("pass", measured, EXACT)

    def _states(self, measured: Measured) -> list[State]:
        return measured.estimates.states(self.slack, self.strict)

    def _again(self, measured: Measured, **changes: float) -> Measured:
        effort = replace(measured.effort, **changes)  # type: ignore[arg-type]
        effort = replace(effort, seed=effort.seed + 1)
        return measure(self.sampler, self.known, effort, self.batch_size)

    def _larger(self, first: Measured) -> Measured:
        """Increase the step size of a sampler that hardly moves, as its step may not be ε."""
        best = first
        for rung in range(1, RUNGS + 1):
            try:
                best = self._again(first, stiffness=UP**rung * first.effort.stiffness)
            except BdlbenchError:  # it diverges
                break
            if not self._is_slow(best):
                break
        return best

    def _down(self, first: Measured) -> Found:
        """Decrease the step size of a sampler with a bias: does it vanish?"""
        brief = replace(first.effort, burn_in=2, spacing=0.5, draws=8, wide=0)
        brief = replace(brief, chains=2 * brief.chains)
        start = replace(first, effort=brief)
        finer = self._again(start, stiffness=first.effort.stiffness / DOWN)
        if _persists(first.estimates, finer.estimates, self.slack):
            return Found("fail", first, finer=finer)
        finest = self._again(start, stiffness=first.effort.stiffness / DOWN**2)
        extrapolated = limit(finest.estimates, finer.estimates, DOWN)
        states = np.array(extrapolated.states(LIMIT * self.slack))[extrapolated.required]
        if set(states) == {"within"}:
            return Found("pass", first, _bias(first, finest), finest)
        slowly = limit(finest.estimates, finer.estimates, DOWN, order=0.5)
        outside = [
            a == b == "outside"
            for a, b in zip(extrapolated.states(self.slack), slowly.states(self.slack), strict=True)
        ]
        if any(outside) and "outside" in self._states(finest):
            return Found("fail", first, finer=finest)
        meaning = f"{_bias(first, finest)}, but too uncertain: {_open(extrapolated, self.slack)}"
        return Found("inconclusive", first, meaning, finest)


def _persists(coarse: Estimates, fine: Estimates, slack: float) -> bool:
    """Return whether a bias is outside the bounds at both step sizes, and does not shrink."""
    here, there = fine.settled, coarse.settled
    both = np.array([
        a == b == "outside" for a, b in zip(here.states(slack), there.states(slack), strict=True)
    ])  # fmt: skip
    kept = np.abs(here.deviation) + here.half > PERSISTS * np.abs(there.deviation)
    same = np.sign(here.deviation) == np.sign(there.deviation)
    least = np.abs(here.deviation) > PERSISTS**2 * np.abs(there.deviation)
    return bool((both & kept & same & least).any())


def _bias(first: Measured, finest: Measured) -> str:
    (coarse, _), (fine, _) = first.estimates.temperature, finest.estimates.temperature
    return (
        f"exact up to O(ε): T = {coarse:.3f} at κ = {first.effort.stiffness:g}, {fine:.3f} at "
        f"{finest.effort.stiffness:.2g}"
    )


def _open(found: Estimates, slack: float) -> str:
    """Describe what cannot be decided."""
    if not found.mixed:
        share = float(np.median(found.forgotten[found.required]))
        return (
            f"it stays at exact draws, but mixes slowly: {share:.0%} of the start is forgotten "
            "within the budget (a step size that is no ε: declare langevin_step)"
        )
    size = (np.abs(found.deviation) + found.half) / found.forgotten / (slack * found.bound)
    size[~found.required] = 0
    worst = int(size.argmax())
    return (
        f"cannot be measured well enough: {found.names[worst]} is "
        f"{found.deviation[worst]:+.2g} ± {found.half[worst]:.2g}, of at most "
        f"{slack * found.bound[worst]:.2g}"
    )
