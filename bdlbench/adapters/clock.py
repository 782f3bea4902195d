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


def steps(
    problem: Problem, batch_size: int | None, rng: torch.Generator, gradients: int
) -> Iterator[tuple[Tensor | None, bool]]:
    """Yield the steps of `Problem.steps` that fit into the budget whatever they cost.

    Args:
        problem: The problem.
        batch_size: As in `Problem.steps`.
        rng: As in `Problem.steps`.
        gradients: Largest number of evaluations of U or ∇U in a step, for each chain.

    Raises:
        ValueError: Not one step fits.
    """
    most = gradients * problem.chains * (batch_size or problem.n)
    if most > problem.remaining:
        raise ValueError(
            f"expected a budget of at least one step, {most / problem.n:.4g} epochs, got "
            f"{problem.remaining / problem.n:.4g}"
        )
    for batch, keep in problem.steps(batch_size, rng):
        if most > problem.remaining:
            return
        yield batch, keep


def check_finite(problem: Problem, theta: Tensor) -> None:
    """Raise an error if θ is not finite.

    Raises:
        Diverged: It is not.
    """
    if not bool(theta.isfinite().all()):
        raise Diverged(f"θ is not finite after {problem.epochs:.3g} epochs")
