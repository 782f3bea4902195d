"""Check a sampler where it will be used: one chain on a shared model, beside its reference."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from bdlbench.checks.known import Array, places
from bdlbench.checks.result import Result, Subject, guarded
from bdlbench.checks.sampling import fitted, limited, stepped
from bdlbench.checks.trial import Trial
from bdlbench.data.examples import search_folders
from bdlbench.errors import RecordError
from bdlbench.posterior.potential import Posterior, build_posterior
from bdlbench.problem import Budget
from bdlbench.reference import reference
from bdlbench.runs import chosen_models, machine, task_data, tasks

TASK = "digits"
STEP_SIZE, EPOCHS, DRAWS = 1e-4, 50, 10
BATCH_SIZE = 32
SHARE = 0.15  # largest deviation of the mean square of a tensor's parameters
ERRORS = 6.0  # standard deviations of a single draw that are added to it
MOVED = 0.1  # least share of the parameters' variance by which the chain moves
FINER = 4  # ratio of the step sizes at which a bias must shrink


@dataclass(frozen=True)
class SharedNetworkCheck:
    """Start one chain at a draw of the reference posterior of `digits`: does it stay?

    The mean squares of the parameters of every tensor, and U, must stay what they are over the
    reference's draws. What shrinks with the step size is tolerated.
    """

    name: str = "shared network"
    quick: bool = False

    def __call__(self, subject: Subject, quick: bool) -> Result:
        """Return the verdict."""
        return guarded(self.name, subject, lambda: self._evaluate(subject))

    def _evaluate(self, subject: Subject) -> Result:
        if subject.target != "exact":
            return Result(self.name, "shown", "–", "no such claim")
        try:
            exact = reference.load(TASK).draws.astype(float)
        except RecordError as error:
            return Result(self.name, "shown", "–", str(error))
        posterior = _posterior()
        gaps, moved = _gaps(subject, posterior, exact, STEP_SIZE, EPOCHS)
        worst = max(gaps, key=lambda name: abs(gaps[name]))
        figure = f"E[θ²] of {worst} {gaps[worst]:+.1%}"
        outside = _outside(gaps, posterior)
        if not outside and moved < MOVED:
            return Result(self.name, "shown", figure, f"it hardly moves in {EPOCHS} epochs")
        if not outside:
            return Result(self.name, "pass", figure, "a chain stays in the reference posterior")
        if stepped(subject.sampler, 1.0) is not None:
            finer, _ = _gaps(subject, posterior, exact, STEP_SIZE / FINER, EPOCHS * FINER)
            outside = {n for n in _outside(finer, posterior) & outside
                       if abs(finer[n]) > 0.6 * abs(gaps[n])}  # fmt: skip
            if not outside:
                meaning = f"the chain leaves, less at ε/{FINER}: a bias of the step"
                return Result(self.name, "shown", figure, meaning)
        named = ", ".join(f"{name} by {gaps[name]:+.0%}" for name in sorted(outside))
        meaning = f"a chain that starts in the reference posterior leaves it: E[θ²] of {named}"
        return Result(self.name, "fail", figure, meaning)


def _posterior() -> Posterior:
    task = tasks.get(TASK)
    train = task_data.training_set(task, "test", search_folders())
    model = chosen_models.find(task.model)
    return build_posterior(train, model, task.prior_std, torch.device("cpu"), task.likelihood)[0]


def _gaps(
    subject: Subject, posterior: Posterior, exact: Array, epsilon: float, epochs: float
) -> tuple[dict[str, float], float]:
    """Return relative deviations of E[θ²] by tensor, and how far the chain has moved."""
    rng = torch.Generator().manual_seed(subject.seed)
    first = exact[int(torch.randint(len(exact), (1,), generator=rng))]

    def start(chains: int, rng: torch.Generator) -> torch.Tensor:
        return torch.from_numpy(first).float().repeat(chains, 1)

    problem = Trial(posterior, Budget(epochs, DRAWS, 0.5), 1, start)
    sampler = fitted(subject.sampler, epsilon, BATCH_SIZE)
    with machine.one_thread():
        draws = np.array([theta[0].double().numpy().copy()
                          for theta in limited(sampler, problem, rng)])  # fmt: skip
    gaps = {
        name: float((draws[:, part] ** 2).mean() / (exact[:, part] ** 2).mean() - 1)
        for name, part in places(posterior.network).items()
    }
    change = float(((draws[-1] - first) ** 2).mean() / (2 * exact.var(axis=0).mean()))
    return gaps, change


def _outside(gaps: dict[str, float], posterior: Posterior) -> set[str]:
    """Return the tensors with a deviation that chance does not explain.

    The mean of d squares has a relative standard deviation of √(2/d) in one draw.
    """
    sizes = dict(zip(posterior.network.shapes, posterior.network.sizes, strict=True))
    return {
        name for name, gap in gaps.items()
        if not abs(gap) <= SHARE + ERRORS * math.sqrt(2 / sizes[name])
    }  # fmt: skip
