"""Check a Metropolis test at steps at which it rejects."""

from __future__ import annotations

from dataclasses import dataclass

from bdlbench.checks import linear_problems
from bdlbench.checks.diagnosis import described
from bdlbench.checks.measuring import measure
from bdlbench.checks.result import Result, Subject, guarded
from bdlbench.checks.sampling import Effort, stepped
from bdlbench.errors import BdlbenchError

STIFFNESS = (2.5, 1.2, 0.6)  # MALA rejects a fifth to a half of the proposals


@dataclass(frozen=True)
class RejectionCheck:
    """Compare draws with exact ones at large steps, at which only a Metropolis test is exact.

    For samplers that evaluate U, which a Metropolis test needs and dynamics do not, or that declare
    ``metropolis = True``; ``metropolis = False`` declares that U has another use.
    """

    name: str = "Metropolis test"
    quick: bool = False

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict."""
        return guarded(self.name, subject, lambda: self._evaluate(subject))

    def _evaluate(self, subject: Subject) -> Result:
        sampler = subject.sampler
        claims = subject.may_reject
        if not claims or stepped(sampler, 1.0) is None or subject.target != "exact":
            why = "its step is adapted" if claims else "no Metropolis test is claimed"
            return Result(self.name, "shown", "–", why)
        points = subject.points(60)
        known = linear_problems.tensors(subject.seed + 4, points, small=True, condition=1.5)
        mixed = ""
        for stiffness in STIFFNESS:
            effort = Effort(stiffness, 3000, 30, burn_in=20, spacing=4, seed=subject.seed)
            try:
                found = measure(sampler, known, effort, subject.batch_size)
            except BdlbenchError:
                continue
            if "outside" in found.estimates.states(strict=True):
                meaning = f"at κ = {stiffness:g}, where proposals are rejected, {described(found)}"
                return Result(self.name, "fail", found.figure, meaning)
            mixed = mixed or (found.figure if found.estimates.mixed else "")
        if mixed:
            return Result(self.name, "pass", mixed, "no bias where proposals are rejected")
        return Result(self.name, "inconclusive", "–", "it hardly moves at steps that are rejected")
