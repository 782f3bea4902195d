"""Check that a sampler samples its target, on problems with an exactly known posterior."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from bdlbench.checks.diagnosis import diagnose
from bdlbench.checks.evidence import Evidence
from bdlbench.checks.moments import TOLERANCE, Moments, bias, extrapolate, faults, moments
from bdlbench.checks.result import Result, Subject, Verdict, guarded
from bdlbench.checks.sampling import Effort, Sampler, draws, suited
from bdlbench.posterior.exact import (
    ExactPosterior,
    gaussian,
    gaussian_mean,
    linear_regression,
    logistic_regression,
)

# The bias b is extrapolated to ε = 0 up to this size: of 1/(1 − b), b²/2 is left over.
LARGEST_BIAS = math.sqrt(2 * TOLERANCE)
POINTS = 1_200_000  # of training data in one step of all chains: where it takes all, fewer chains


@dataclass(frozen=True)
class TargetCheck:
    """Measure the sampler on one exact problem, and at twice the step size if it is wrong.

    A bias in proportion to ε is what theory predicts of a sampler without a Metropolis test: it
    is forgiven if nothing is left of it in the limit ε → 0.

    Args:
        name: Of the check.
        problem: Makes the problem.
        effort: What is spent on it; the quick check spends a quarter of the draws, or less where
            they are only shown.
        quick: Whether the check belongs to the quick ones.
        temperature: Asked of the sampler, if it has such a setting.
    """

    name: str
    problem: Callable[[], ExactPosterior]
    effort: Effort
    quick: bool = True
    temperature: float = 1.0

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict; a sampler that is not declared exact is only measured."""
        return guarded(self.name, lambda: self._judge(subject, quick))

    def measure(self, sampler: Sampler, effort: Effort) -> Moments:
        """Sample, and return the moments with their standard errors."""
        exact = self.problem()
        found = draws(sampler, exact, effort)
        mean = exact.mean.numpy()
        # At temperature T the draws of a Gaussian lie √T times as far from the mean.
        return moments(mean + (found - mean) / math.sqrt(self.temperature), exact)

    def _judge(self, subject: Subject, quick: bool) -> Result:
        sampler = subject.sampler
        if self.temperature != 1:
            if "temperature" not in vars(sampler):
                return Result(self.name, "shown", "–", "there is no setting called temperature")
            sampler = replace(sampler, temperature=self.temperature)  # type: ignore[type-var]
        effort = self._affordable(subject, sampler, quick)
        fine = self.measure(sampler, effort)
        if subject.target == "point":
            return Result(self.name, "shown", _figure(fine), "a point estimate has no temperature")
        if not faults(fine, effort.stiffness):
            words = "mean, covariance and temperature are exact"
            return Result(self.name, "pass", _figure(fine), words)
        return self._second_look(subject, sampler, effort, fine)

    def _affordable(self, subject: Subject, sampler: Sampler, quick: bool) -> Effort:
        draws, chains = self.effort.draws, self.effort.chains
        if "batch_size" not in vars(sampler):
            chains = min(chains, POINTS // self.problem().posterior.n)
        if quick:  # what is only shown needs less
            draws = max(draws // (4 if subject.target == "exact" else 16), 1)
        return replace(self.effort, draws=draws, chains=chains, seed=subject.seed)

    def _second_look(
        self, subject: Subject, sampler: Sampler, effort: Effort, fine: Moments
    ) -> Result:
        coarse = None
        if "step_size" in vars(sampler):
            small = bias(fine) < LARGEST_BIAS
            if small:  # the limit's error is √5 times as large: more draws make up for it
                effort = replace(effort, draws=4 * effort.draws)
                fine = self.measure(sampler, effort)
            coarse = self.measure(sampler, replace(effort, stiffness=2 * effort.stiffness))
            if small and not faults(extrapolate(fine, coarse), effort.stiffness):
                words = "exact up to O(ε): what is off vanishes with the step size"
                return Result(self.name, "pass", _figure(fine), words)
        exact = self.problem()
        settings = dict(vars(suited(sampler, exact, effort)))
        verdict: Verdict = "fail" if subject.target == "exact" else "shown"
        words = diagnose(Evidence(exact, settings, fine, coarse, self.temperature))
        return Result(self.name, verdict, _figure(fine), words)


def _figure(found: Moments) -> str:
    return f"T = {found.temperature.value:.4g} ± {2 * found.temperature.error:.2g}"


# The data of the two means lie so close together that their minibatches hardly differ; the more
# so of the second one, since otherwise they would hide noise that is too small by a factor N.
TARGET_CHECKS = (
    TargetCheck("line", lambda: linear_regression(prior_std=0.1), Effort(0.06, 500, 40)),
    TargetCheck(
        "mean of 1,000", lambda: gaussian_mean(1_000), Effort(0.06, 500, 40, batch_size=32)
    ),
    TargetCheck(
        "mean of 60,000",
        lambda: gaussian_mean(60_000, spread=1e-4),
        Effort(0.06, 200, 60, batch_size=32),
    ),
    TargetCheck("logistic regression", logistic_regression, Effort(0.06, 500, 32)),
    TargetCheck(
        "minibatches", linear_regression, Effort(0.06, 500, 30, batch_size=40), quick=False
    ),
    TargetCheck(
        "correlated Gaussian", lambda: gaussian(n=12), Effort(0.2, 2000, 2, 4), quick=False
    ),
    TargetCheck(
        "temperature ½", linear_regression, Effort(0.06, 500, 20), quick=False, temperature=0.5
    ),
)
