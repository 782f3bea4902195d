"""Check that a plugin keeps the sampler contract."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bdlbench import machine, models
from bdlbench.checks.result import Result, Subject, guarded
from bdlbench.checks.sampling import suited
from bdlbench.exact import ExactPosterior, linear_regression
from bdlbench.likelihoods import Categorical
from bdlbench.posterior import Posterior
from bdlbench.problem import Budget, Problem
from bdlbench.settings import Spec

DRAWS = 5
EPOCHS = 400.0
SHARED_MODELS = ("softmax", "mlp-4", "mlp-4-3", "lenet5")


class Broken(AssertionError):  # noqa: N818 -- a verdict, not a fault of ours
    """Say which part of the contract does not hold."""


@dataclass(frozen=True)
class ContractCheck:
    """Hold a plugin to one part of the contract.

    Args:
        name: Of the check.
        meaning: What holds if it passes.
        judge: Returns the figure, or raises `Broken`.
    """

    name: str
    meaning: str
    judge: Callable[[Subject], str]
    quick: bool = True

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict."""
        return guarded(self.name, lambda: self._verdict(subject))

    def _verdict(self, subject: Subject) -> Result:
        try:
            return Result(self.name, "pass", self.judge(subject), self.meaning)
        except Broken as error:
            return Result(self.name, "fail", "–", str(error))


def sample(
    subject: Subject, chains: int = 1, seed: int = 0, exact: ExactPosterior | None = None
) -> tuple[list[Tensor], Problem]:
    """Run the plugin on the line, and return copies of its draws, and the problem it ran on."""
    exact = exact or linear_regression()
    problem = Problem(exact.posterior, Budget(EPOCHS * chains, DRAWS), chains=chains)
    sampler = suited(subject.sampler, exact, stiffness=0.2)
    rng = torch.Generator().manual_seed(seed)
    with machine.one_thread():
        return [_checked(theta, problem) for theta in sampler.sample(problem, rng)], problem


def _checked(theta: object, problem: Problem) -> Tensor:
    expected = (problem.chains, problem.dim)
    if not isinstance(theta, Tensor) or theta.shape != expected or theta.dtype != torch.float32:
        got = f"{tuple(theta.shape)} {theta.dtype}" if isinstance(theta, Tensor) else type(theta)
        raise Broken(f"expected draws that are float32 tensors of shape {expected}, got {got}")
    if not bool(theta.isfinite().all()):
        raise Broken("expected finite draws, got NaN or infinity")
    return theta.detach().clone()


def _shapes(subject: Subject) -> str:
    for chains in (1, 3):
        draws, _ = sample(subject, chains)
        if not 1 <= len(draws) <= DRAWS:
            raise Broken(f"expected 1 to problem.draws = {DRAWS} draws, got {len(draws)}")
        if chains == 3 and any(torch.equal(theta[0], theta[1]) for theta in draws):
            raise Broken("expected chains that differ, got two that are equal")
    return f"{len(draws)} draws of (1, 2) and (3, 2)"


def _budget(subject: Subject) -> str:
    _, problem = sample(subject)
    if problem.epochs > 1.01 * EPOCHS:
        raise Broken(f"expected at most {EPOCHS:g} epochs, spent {problem.epochs:g}")
    if problem.epochs == 0:
        raise Broken("nothing was charged: use problem.steps, problem.gradient or problem.charge")
    return f"{problem.epochs:g} of {EPOCHS:g} epochs"


def _seeds(subject: Subject) -> str:
    (first, _), (again, _) = sample(subject, seed=1), sample(subject, seed=1)
    if not _equal(first, again):
        raise Broken("the same seed gives other draws: take random numbers from rng alone")
    if _equal(first, sample(subject, seed=2)[0]):
        raise Broken("another seed gives the same draws: rng is not used")
    return "equal, and different"


def _untouched(subject: Subject) -> str:
    sampler = subject.sampler
    before = repr(sampler)
    exact = linear_regression()
    problem = Problem(exact.posterior, Budget(EPOCHS, DRAWS))
    sampler = suited(sampler, exact, stiffness=0.2)
    fitted = repr(sampler)
    with _watched():
        list(sampler.sample(problem, torch.Generator().manual_seed(0)))
    if repr(sampler) != fitted or repr(subject.sampler) != before:
        raise Broken("the settings changed while it ran: keep state in local variables")
    return "random, numpy and torch"


@contextmanager
def _watched() -> Iterator[None]:
    """Raise if global random state or the number of threads changes, and restore it."""
    states = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    threads = torch.get_num_threads()
    with machine.one_thread():
        yield
        changed = torch.get_num_threads() != 1
    if random.getstate() != states[0]:
        raise Broken("the random module's global state was used: take random numbers from rng")
    if not all(np.array_equal(a, b) for a, b in zip(states[1], np.random.get_state(), strict=True)):  # noqa: NPY002
        raise Broken("NumPy's global random state was used: take random numbers from rng")
    if not torch.equal(torch.get_rng_state(), states[2]):
        torch.set_rng_state(states[2])
        raise Broken("torch's global random state was used: pass generator=rng")
    if changed or torch.get_num_threads() != threads:
        raise Broken("the number of torch's threads was changed: leave it alone")


def _spawned(subject: Subject) -> str:
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        there = pool.apply(_draws_of, (subject.spec,))
    here = [theta.tolist() for theta in sample(subject)[0]]
    if here != there:
        raise Broken("a new process gives other draws for the same seed")
    return "equal draws"


def _draws_of(spec: Spec) -> list[list[list[float]]]:
    return [theta.tolist() for theta in sample(Subject(spec))[0]]


def _models(subject: Subject) -> str:
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(20, 28, 28, generator=rng), torch.randint(10, (20,), generator=rng)
    for name in SHARED_MODELS:
        posterior = Posterior(models.build(name), Categorical(), x, y, prior_std=0.3)
        problem = Problem(posterior, Budget(epochs=40.0, draws=2))
        sampler = subject.sampler
        if "batch_size" in {*vars(sampler)}:
            sampler = replace(sampler, batch_size=10)  # type: ignore[type-var]
        if "step_size" in {*vars(sampler)}:
            sampler = replace(sampler, step_size=1e-4)  # type: ignore[type-var]
        for theta in sampler.sample(problem, rng):
            _checked(theta, problem)
    return ", ".join(SHARED_MODELS)


def _equal(first: list[Tensor], second: list[Tensor]) -> bool:
    return len(first) == len(second) and all(map(torch.equal, first, second))


CONTRACT_CHECKS = (
    ContractCheck("draws", "finite float32 of the right shape and number", _shapes),
    ContractCheck("budget", "what is spent is within the budget", _budget),
    ContractCheck("seeds", "the same seed gives the same draws, another gives others", _seeds),
    ContractCheck("global state", "random state, settings and threads are left alone", _untouched),
    ContractCheck("models", "it runs on every kind of shared model", _models),
    ContractCheck("new process", "a spawned process gives the same draws", _spawned, quick=False),
)
