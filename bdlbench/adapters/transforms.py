"""Samplers of the library posteriors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from bdlbench.adapters.clock import CHECK_EVERY, Scale, check_finite, divisor
from bdlbench.adapters.random_state import RandomState
from bdlbench.problem import Problem

LogPosterior = Callable[[Tensor, Any], tuple[Tensor, Tensor]]


class Transform(Protocol):
    """A ``posteriors.types.Transform``."""

    init: Callable[[Tensor], Any]
    update: Callable[[Any, Any], tuple[Any, Any]]


def posteriors(
    problem: Problem,
    rng: torch.Generator,
    build: Callable[[LogPosterior, float], Transform],
    batch_size: int | None = 128,
    *,
    scale: Scale = "sum",
) -> Iterator[Tensor]:
    """Yield the draws of a transform of posteriors (Duffield et al., 2025).

    Several chains are one call, under `torch.func.vmap`; chains of a model that it refuses take
    turns.

    Args:
        problem: The problem.
        rng: Source of all random numbers; those of the transform are drawn in a state of its own.
        build: Returns the transform for a log posterior of θ, shape (dim,), and the temperature
            that makes it sample the Bayes posterior.
        batch_size: Training points per step, None for all.
        scale: The scale of the log posterior: "sum", −U and temperature 1; or "mean", which the
            library's documentation recommends, −U/N and temperature 1/N. A learning rate of the one
            is N times that of the other.

    Yields:
        θ of shape (chains, dim).
    """
    state, theta, over = RandomState(rng), problem.init(rng), divisor(scale, problem.n)
    posterior, together = problem.posterior, problem.chains > 1
    together = together and not posterior.network.one_by_one

    def log_posterior(theta: Tensor, batch: Tensor | None) -> tuple[Tensor, Tensor]:
        points = problem.n if batch is None else batch.shape[-1]
        problem.charge(points * problem.chains if together else points)
        value = -posterior.differentiable(theta[None], None if batch is None else batch[None])[0]
        return value / over, value.detach()  # auxiliary information is required

    transform = build(log_posterior, 1 / over)
    update: Any = transform.update
    with state:
        states = [transform.init(part) for part in theta]
    whole: Any = torch.stack(states) if together else None
    for step, (batch, keep) in enumerate(problem.steps(batch_size, rng), 1):
        with state:
            if together:
                axes = (0, None if batch is None else 0)
                whole, _ = torch.func.vmap(update, axes, randomness="different")(whole, batch)
            else:
                rows = [None] * problem.chains if batch is None else batch
                states = [update(own, part)[0] for own, part in zip(states, rows, strict=True)]
        if keep or step % CHECK_EVERY == 0:
            theta = whole.params if together else torch.stack([own.params for own in states])
            theta = theta.detach().clone()
            check_finite(problem, theta)
        if keep:
            yield theta
