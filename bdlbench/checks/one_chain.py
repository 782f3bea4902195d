"""Check that a chain alone samples the target: a run has one chain, not hundreds."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from bdlbench.checks.estimates import FALSE_ALARM
from bdlbench.checks.linear_problems import tensors
from bdlbench.checks.result import Result, Subject, guarded
from bdlbench.checks.sampling import Effort, run, suited

RUNS = 12
EFFORT = Effort(0.2, chains=1, draws=15)
BOUND = 0.35  # of the temperature


@dataclass(frozen=True)
class OneChainCheck:
    """Compare the variance of chains that are run one at a time with the exact one."""

    name: str = "one chain"
    quick: bool = True

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict; a sampler that is not declared exact is only measured."""
        return guarded(self.name, subject, lambda: self._evaluate(subject))

    def _evaluate(self, subject: Subject) -> Result:
        if subject.target == "point":
            return Result(self.name, "shown", "–", "a point estimate has no temperature")
        known = tensors(subject.seed + 3, subject.points(60), small=True)
        found = []
        for index in range(RUNS):
            effort = replace(EFFORT, seed=1000 * subject.seed + index)
            sampler = suited(subject.sampler, known, effort)
            draws = run(sampler, known, effort, subject.batch_size).draws
            found.append(float((known.whiten(draws) ** 2).mean()))
        value, error = float(np.mean(found)), float(np.std(found, ddof=1)) / math.sqrt(RUNS)
        half = float(stats.t.isf(FALSE_ALARM / 2, RUNS - 1)) * error
        figure = f"T = {value:.3g} ± {2 * error:.2g}"
        if abs(value - 1) - half > BOUND:
            meaning = f"a chain alone samples at T = {value:.3g}"
            verdict = "fail" if subject.target == "exact" else "shown"
            return Result(self.name, verdict, figure, meaning)  # type: ignore[arg-type]
        if abs(value - 1) + half > 2 * BOUND:
            return Result(self.name, "inconclusive", figure, "the runs differ too much")
        return Result(self.name, "pass", figure, "a single chain samples like many")
