"""What the adapters share: the scale of U, the clock for steps of known cost, divergence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from bdlbench.errors import Diverged
from bdlbench.problem import Problem

Scale = Literal["sum", "mean"]
CHECK_EVERY = 50  # steps


def divisor(scale: str, n: int) -> int:
    """Return what U is divided by: 1 for the sum over the data, n for the mean."""
    if scale not in ("sum", "mean"):
        raise ValueError(f'expected scale="sum" or "mean", got {scale!r}')
    return n if scale == "mean" else 1


class Clock:
    """The steps of `Problem.steps` that fit into the budget, whatever they cost.

    Args:
        problem: The problem.
        batch_size: As in `Problem.steps`.
        gradients: Largest number of evaluations of U or ∇U in a step, for each chain.

    Raises:
        ValueError: Not one step fits.
    """

    def __init__(self, problem: Problem, batch_size: int | None, gradients: int) -> None:
        self._problem, self._size, self._kept = problem, batch_size, 0
        self._most = gradients * problem.chains * (batch_size or problem.n)
        if self._most > problem.remaining:
            raise ValueError(
                f"expected a budget of at least one step, {self._most / problem.n:.4g} epochs, got "
                f"{problem.remaining / problem.n:.4g}"
            )

    def steps(self, rng: torch.Generator) -> Iterator[tuple[Tensor | None, bool]]:
        """Yield minibatches, and whether a draw is planned after it."""
        for batch, keep in self._problem.steps(self._size, rng):
            if self._most > self._problem.remaining:
                return
            yield batch, keep

    def is_due(self, planned: bool) -> bool:
        """Return, after a step, whether its state is a draw: as planned, or as the last of all."""
        last = self._most > self._problem.remaining and self._kept < self._problem.draws
        self._kept += planned or last
        return planned or last


def check_finite(problem: Problem, theta: Tensor) -> None:
    """Raise an error if θ is not finite.

    Raises:
        Diverged: It is not.
    """
    if not bool(theta.isfinite().all()):
        raise Diverged(f"θ is not finite after {problem.epochs:.3g} epochs")
