"""Check that a sampler samples its target, on problems of which exact draws are known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bdlbench.checks import linear_problems, network_problems
from bdlbench.checks.diagnosis import diagnose
from bdlbench.checks.known import Known
from bdlbench.checks.ladder import Ladder
from bdlbench.checks.measuring import Measured, measure
from bdlbench.checks.result import Result, Subject, guarded
from bdlbench.checks.sampling import Effort

LARGE, FULL = 20_000, 600  # points of the large problem; for samplers without minibatches
NEVER_MOVES = "no chain ever moves: every draw is the initial state"


@dataclass(frozen=True)
class TargetCheck:
    """Compare draws with exact ones on one problem.

    Args:
        name: Name of the check.
        problem: Makes the problem for a sampler, from the seed of its checks.
        effort: Size of the measurement; the quick check has a quarter of the draws.
        slack: Factor of the bounds.
        quick: Whether the check is one of the quick ones.
    """

    name: str
    problem: Callable[[Subject], Known]
    effort: Effort
    slack: float = 1.0
    quick: bool = True

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict; a sampler that is not declared exact is only measured."""
        return guarded(self.name, subject, lambda: self._evaluate(subject, quick))

    def _evaluate(self, subject: Subject, quick: bool) -> Result:
        sampler = subject.sampler
        if self.effort.temperature != 1 and "temperature" not in vars(sampler):
            return Result(self.name, "shown", "–", "no hyperparameter temperature")
        known = self.problem(subject)
        effort, slack = replace(self.effort, seed=subject.seed), self.slack
        if quick or subject.target != "exact":
            effort, slack = replace(effort, draws=max(effort.draws // 4, 2)), 2 * slack
        first = measure(sampler, known, effort, subject.batch_size)
        if subject.target == "point":
            return Result(self.name, "shown", first.figure, "a point estimate has no temperature")
        if subject.target != "exact":
            return self._shown(subject, first, slack)
        found = Ladder(sampler, known, subject.batch_size, slack, subject.strict).climb(first)
        if found.measured.frozen == effort.chains and not subject.may_reject:
            return Result(self.name, "fail", found.measured.figure, NEVER_MOVES)
        if found.verdict == "fail":
            meaning = found.meaning or diagnose(subject, found.measured, found.finer)
            return Result(self.name, "fail", found.measured.figure, meaning)
        return Result(self.name, found.verdict, found.measured.figure, found.meaning)

    def _shown(self, subject: Subject, first: Measured, slack: float) -> Result:
        outside = "outside" in first.estimates.states(slack)
        meaning = diagnose(subject, first, None) if outside else "no deviation was found"
        return Result(self.name, "shown", first.figure, meaning)


TARGET_CHECKS = (
    TargetCheck(
        "several tensors",
        lambda subject: linear_problems.tensors(subject.seed, subject.points(150)),
        Effort(0.06, 500, 20, wide=100),
    ),
    TargetCheck(
        "minibatches",
        lambda subject: linear_problems.tensors(subject.seed + 2, subject.points(150)),
        Effort(0.12, 250, 12, wide=50, batch_size=50),
        slack=2.0,
    ),
    TargetCheck(
        "large N",
        lambda subject: linear_problems.groups(subject.seed, FULL if subject.full_batch else LARGE),
        Effort(0.2, 400, 24, wide=100, batch_size=32),
        slack=1.5,
    ),
    TargetCheck(
        "skewed",
        lambda subject: network_problems.skewed(subject.seed, subject.points(1)),
        Effort(0.2, 400, 24, wide=100),
        slack=1.5,
    ),
    TargetCheck(
        "two layers",
        lambda subject: network_problems.two_layers(subject.seed, subject.points(1)),
        Effort(0.2, 400, 24, wide=100),
        slack=1.5,
    ),
    TargetCheck(
        "curved",
        lambda subject: network_problems.curved(subject.seed, subject.points(1)),
        Effort(0.2, 400, 24, wide=100),
        slack=1.5,
        quick=False,
    ),
    TargetCheck(
        "temperature ½",
        lambda subject: linear_problems.tensors(subject.seed + 1, subject.points(60), small=True),
        Effort(0.1, 400, 12, temperature=0.5),
        slack=1.5,
        quick=False,
    ),
)
