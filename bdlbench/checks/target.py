"""Check that a sampler samples what it claims, on problems whose posterior is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bdlbench.checks.diagnosis import Measurement, diagnose, faults
from bdlbench.checks.result import Result, Subject, Verdict, guarded
from bdlbench.checks.sampling import Effort, Moments, measure, suited
from bdlbench.exact import (
    ExactPosterior,
    gaussian,
    gaussian_mean,
    linear_regression,
    logistic_regression,
)


@dataclass(frozen=True)
class TargetCheck:
    """Measure the sampler on one exact problem, and at twice the step size if it is wrong.

    Args:
        name: Of the check.
        problem: Makes the problem.
        effort: What is spent on it; the quick check spends a quarter of the draws.
        quick: Whether the check belongs to the quick ones.
    """

    name: str
    problem: Callable[[], ExactPosterior]
    effort: Effort
    quick: bool

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict; a sampler that does not claim to be exact is only measured."""
        return guarded(self.name, lambda: self._judge(subject, quick))

    def _judge(self, subject: Subject, quick: bool) -> Result:
        measured = self.measure(subject, quick)
        errors = measured.moments.errors
        assert errors is not None
        figure = f"T = {measured.moments.temperature:.4g} ± {2 * errors.temperature:.2g}"
        if subject.target == "point":
            return Result(self.name, "shown", figure, "a point estimate has no temperature")
        if not faults(measured):
            return Result(self.name, "pass", figure, "mean, covariance and temperature are exact")
        coarse = self._moments(subject, quick, 2 * self.effort.stiffness)
        verdict: Verdict = "fail" if subject.target == "exact" else "shown"
        return Result(self.name, verdict, figure, diagnose(measured, coarse))

    def measure(self, subject: Subject, quick: bool = False) -> Measurement:
        """Return what the sampler does on this problem."""
        exact = self.problem()
        fitted = suited(subject.sampler, exact, self.effort.stiffness)
        batch = getattr(fitted, "batch_size", exact.posterior.n)
        return Measurement(exact, batch, self._moments(subject, quick, self.effort.stiffness))

    def _moments(self, subject: Subject, quick: bool, stiffness: float) -> Moments:
        effort = replace(self.effort, stiffness=stiffness, seed=subject.seed)
        if quick:
            effort = replace(effort, draws=max(self.effort.draws // 4, 1))
        return measure(subject.sampler, self.problem(), effort)


# The first three start far from the posterior, hence the longer burn-in; the Gaussian is stiff.
TARGET_CHECKS = (
    TargetCheck("line", lambda: linear_regression(prior_std=0.1), Effort(0.06, 500, 40), True),
    TargetCheck("mean of 1,000", lambda: gaussian_mean(1_000), Effort(0.06, 200, 80), False),
    TargetCheck("mean of 60,000", lambda: gaussian_mean(60_000), Effort(0.06, 50, 120), True),
    TargetCheck("correlated Gaussian", gaussian, Effort(0.2, 1500, 2, burn_in=4), False),
    TargetCheck("logistic regression", logistic_regression, Effort(0.06, 500, 30, 5), True),
)
