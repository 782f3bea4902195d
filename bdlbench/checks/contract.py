"""Check that a plugin implements the sampler interface."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass

import torch
from torch import Tensor

from bdlbench.checks.global_state import watched
from bdlbench.checks.result import Result, Subject, guarded
from bdlbench.checks.sampling import Sampler, fitted, limited
from bdlbench.checks.trial import Trial
from bdlbench.errors import BdlbenchError
from bdlbench.posterior import models
from bdlbench.posterior.exact import linear_regression
from bdlbench.posterior.likelihoods import Categorical
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem
from bdlbench.runs import machine
from bdlbench.settings import parse

DRAWS = 5
EPOCHS = 400.0
POINTS, STIFFNESS = 128, 0.2
SHARED_MODELS = ("mlp-4", "softmax", "mlp-4-3", "lenet5")


@dataclass(frozen=True)
class ContractCheck:
    """Check one part of the sampler interface.

    Args:
        name: Name of the check.
        meaning: Description of a pass.
        judge: Returns the measured value, or raises a BdlbenchError that describes the failure.
        quick: Whether the check is one of the quick ones.
    """

    name: str
    meaning: str
    judge: Callable[[Subject, bool], str]
    quick: bool = True

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict."""
        return guarded(
            self.name,
            subject,
            lambda: Result(self.name, "pass", self.judge(subject, quick), self.meaning),
        )


def sample(subject: Subject, chains: int = 1, seed: int = 0) -> tuple[list[Tensor], Trial]:
    """Run the plugin on a linear regression, and return copies of its draws, and the problem."""
    sampler, problem = _prepared(subject, chains)
    with machine.one_thread():
        return _collect(sampler, problem, torch.Generator().manual_seed(seed)), problem


def _prepared(subject: Subject, chains: int = 1) -> tuple[Sampler, Trial]:
    points = subject.points(POINTS)
    exact = linear_regression(points)
    curvature = 1 / float(torch.linalg.eigvalsh(exact.covariance)[0])
    sampler = fitted(subject.sampler, STIFFNESS / curvature, points)
    return sampler, Trial(exact.posterior, Budget(EPOCHS * chains, DRAWS), chains, counts=True)


def _collect(sampler: Sampler, problem: Problem, rng: torch.Generator) -> list[Tensor]:
    return [_checked(theta, problem) for theta in limited(sampler, problem, rng)]


def _checked(theta: object, problem: Problem) -> Tensor:
    expected = (problem.chains, problem.dim)
    if not isinstance(theta, Tensor) or theta.shape != expected or theta.dtype != torch.float32:
        got = type(theta).__name__
        if isinstance(theta, Tensor):
            got = f"{tuple(theta.shape)} and {theta.dtype}"
        raise BdlbenchError(f"expected draws of shape {expected} and torch.float32, got {got}")
    if not bool(theta.isfinite().all()):
        raise BdlbenchError("expected finite draws, got NaN or infinity")
    return theta.detach().clone()


def _shapes(subject: Subject, quick: bool) -> str:
    for chains in (1, 3):
        draws, _ = sample(subject, chains)
        if not 1 <= len(draws) <= DRAWS:
            raise BdlbenchError(f"expected 1 to problem.draws = {DRAWS} draws, got {len(draws)}")
        if subject.target == "point" and len(draws) > 1:
            raise BdlbenchError(f"expected one draw of a point estimate, got {len(draws)}")
        # The problem has one mode, to which all chains of an optimizer may converge exactly.
        if (
            subject.target == "exact"
            and chains > 1
            and any(torch.equal(theta[0], theta[1]) for theta in draws)
        ):
            raise BdlbenchError("expected different chains, got two identical ones")
    return f"{len(draws)} of (1, 2) and (3, 2)"


def _budget(subject: Subject, quick: bool) -> str:
    _, problem = sample(subject)
    if problem.epochs > 1.01 * EPOCHS:
        raise BdlbenchError(f"expected at most {EPOCHS:g} epochs, got {problem.epochs:g}")
    if problem.epochs == 0:
        raise BdlbenchError(
            "no gradient was charged: use problem.steps, problem.gradient or problem.charge"
        )
    used = problem.evaluated / problem.n
    if used > 1.1 * problem.epochs:
        raise BdlbenchError(
            f"expected a charge for every evaluation in JAX, got {problem.epochs:g} epochs for "
            f"{used:g}: call problem.charge"
        )
    return f"{problem.epochs:g} of {EPOCHS:g} epochs"


def _seeds(subject: Subject, quick: bool) -> str:
    (first, _), (again, _) = sample(subject, seed=1), sample(subject, seed=1)
    if not _equal(first, again):
        raise BdlbenchError("the same seed gives different draws: use no randomness other than rng")
    if subject.target == "exact" and _equal(first, sample(subject, seed=2)[0]):
        raise BdlbenchError("a different seed gives the same draws: draw random numbers from rng")
    return "equal for one seed, different for two"


def _untouched(subject: Subject, quick: bool) -> str:
    sampler, problem = _prepared(subject)
    before = repr(sampler)
    with watched():
        _collect(sampler, problem, torch.Generator().manual_seed(0))
    if repr(sampler) != before:
        raise BdlbenchError(
            f"hyperparameters changed in the run, from {before} to {sampler!r}: use local variables"
        )
    return "random, NumPy and torch"


def _models(subject: Subject, quick: bool) -> str:
    rng = torch.Generator().manual_seed(0)
    points = subject.points(POINTS)
    x, y = torch.randn(points, 28, 28, generator=rng), torch.randint(10, (points,), generator=rng)
    names = SHARED_MODELS[:1] if quick else SHARED_MODELS
    for name in names:
        posterior = Posterior(models.build(name), Categorical(), x, y, prior_std=0.3)
        problem = Problem(posterior, Budget(epochs=6.0, draws=2))
        _collect(fitted(subject.sampler, 1e-5, points // 2), problem, rng)
    return ", ".join(names)


def _another_process(subject: Subject, quick: bool) -> str:
    here = [theta.tolist() for theta in sample(subject)[0]]
    code = f"from {__name__} import print_draws; print_draws({str(subject.spec)!r})"
    # Not multiprocessing, whose children would import and run the main script again.
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise BdlbenchError(f"a new process fails: {reason}")
    if json.loads(done.stdout) != here:
        raise BdlbenchError("a new process gives different draws for the same seed")
    return "equal draws"


def print_draws(reference: str) -> None:
    """Print the draws of a plugin as JSON; called in a new process."""
    with redirect_stdout(sys.stderr):  # a plugin may print, too
        theta_lists = [theta.tolist() for theta in sample(Subject(parse(reference)))[0]]
    print(json.dumps(theta_lists))


def _equal(first: list[Tensor], second: list[Tensor]) -> bool:
    return len(first) == len(second) and all(map(torch.equal, first, second))


CONTRACT_CHECKS = (
    ContractCheck("draws", "finite float32, correct shape and number", _shapes),
    ContractCheck("budget", "the cost is within the budget", _budget),
    ContractCheck("seeds", "random numbers come from rng", _seeds),
    ContractCheck(
        "global state", "random state, hyperparameters and threads are unchanged", _untouched
    ),
    ContractCheck("models", "it runs on the shared models", _models),
    ContractCheck(
        "new process", "a spawned process gives the same draws", _another_process, quick=False
    ),
)
