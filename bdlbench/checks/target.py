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

# Largest bias b that is extrapolated to ε = 0: that of 1/(1 − b) leaves a residual of b²/2.
LARGEST_BIAS = math.sqrt(2 * TOLERANCE)
POINTS = 1_200_000  # most training points per step over all chains, for full-batch samplers


@dataclass(frozen=True)
class TargetCheck:
    """Compare moments with the exact ones on one problem; on failure, also at twice the step size.

    A bias of O(ε), which theory predicts for a sampler without a Metropolis test, is tolerated if
    it vanishes when extrapolated to ε = 0.

    Args:
        name: Name of the check.
        problem: Factory of the problem.
        effort: Size of the measurement; the quick check uses a quarter of the draws, or a sixteenth
            if the sampler is not declared exact.
        quick: Whether the check is one of the quick ones.
        temperature: The requested temperature, for a sampler with that hyperparameter.
    """

    name: str
    problem: Callable[[], ExactPosterior]
    effort: Effort
    quick: bool = True
    temperature: float = 1.0

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict; a sampler that is not declared exact is only measured."""
        return guarded(self.name, lambda: self._evaluate(subject, quick))

    def measure(self, sampler: Sampler, effort: Effort) -> Moments:
        """Sample, and return the moments with their standard errors."""
        exact = self.problem()
        theta = draws(sampler, exact, effort)
        mean = exact.mean.numpy()
        # At temperature T, the standard deviation of a Gaussian is multiplied by √T.
        return moments(mean + (theta - mean) / math.sqrt(self.temperature), exact)

    def _evaluate(self, subject: Subject, quick: bool) -> Result:
        sampler = subject.sampler
        if self.temperature != 1:
            if "temperature" not in vars(sampler):
                return Result(self.name, "shown", "–", "no hyperparameter temperature")
            sampler = replace(sampler, temperature=self.temperature)  # type: ignore[type-var]
        effort = self._affordable(subject, sampler, quick)
        fine = self.measure(sampler, effort)
        if subject.target == "point":
            return Result(self.name, "shown", _figure(fine), "a point estimate has no temperature")
        if not faults(fine, effort.stiffness):
            meaning = "mean, covariance and temperature are exact"
            return Result(self.name, "pass", _figure(fine), meaning)
        return self._extrapolate(subject, sampler, effort, fine)

    def _affordable(self, subject: Subject, sampler: Sampler, quick: bool) -> Effort:
        draws, chains = self.effort.draws, self.effort.chains
        if "batch_size" not in vars(sampler):
            chains = min(chains, POINTS // self.problem().posterior.n)
        if quick:
            draws = max(draws // (4 if subject.target == "exact" else 16), 1)
        return replace(self.effort, draws=draws, chains=chains, seed=subject.seed)

    def _extrapolate(
        self, subject: Subject, sampler: Sampler, effort: Effort, fine: Moments
    ) -> Result:
        coarse = None
        if "step_size" in vars(sampler):
            small = bias(fine) < LARGEST_BIAS
            if small:  # extrapolation multiplies the error by √5: compensate with more draws
                effort = replace(effort, draws=4 * effort.draws)
                fine = self.measure(sampler, effort)
            coarse = self.measure(sampler, replace(effort, stiffness=2 * effort.stiffness))
            if small and not faults(extrapolate(fine, coarse), effort.stiffness):
                meaning = "exact up to O(ε): the bias vanishes with the step size"
                return Result(self.name, "pass", _figure(fine), meaning)
        exact = self.problem()
        settings = dict(vars(suited(sampler, exact, effort)))
        verdict: Verdict = "fail" if subject.target == "exact" else "shown"
        meaning = diagnose(Evidence(exact, settings, fine, coarse, self.temperature))
        return Result(self.name, verdict, _figure(fine), meaning)


def _figure(measured: Moments) -> str:
    return f"T = {measured.temperature.value:.4g} ± {2 * measured.temperature.error:.2g}"


# The data of the two means vary so little that minibatch noise is negligible; especially for
# N = 60,000, where it would hide noise that is too small by a factor N.
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
