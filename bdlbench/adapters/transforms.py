"""Samplers of the library posteriors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from bdlbench.adapters.clock import CHECK_EVERY, Scale, check_finite, divisor
from bdlbench.adapters.differentiable import torch_potential
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
    per_chain: bool = True,
) -> Iterator[Tensor]:
    """Yield the draws of a transform of posteriors (Duffield et al., 2025).

    Args:
        problem: The problem.
        rng: Source of all random numbers; those of the transform are drawn in a state of its own.
        build: Returns the transform for a log posterior and the temperature that makes it sample
            the Bayes posterior.
        batch_size: Training points per step, None for all.
        scale: The scale of the log posterior: "sum", −U and temperature 1; or "mean", which the
            library's documentation recommends, −U/N and temperature 1/N. A learning rate of the one
            is N times that of the other.
        per_chain: Whether every chain has a state of its own. False is quicker with many chains,
            and right for updates that act on every number alone: not for `sgnht`, whose thermostat
            is one number for all parameters.

    Yields:
        θ of shape (chains, dim).
    """
    state, theta, over = RandomState(rng), problem.init(rng), divisor(scale, problem.n)
    potential = torch_potential(problem)

    def log_posterior(theta: Tensor, batch: Tensor | None) -> tuple[Tensor, Tensor]:
        value = -potential(theta, batch).sum() / over
        return value, value.detach()  # with auxiliary information, of which there is none

    transform = build(log_posterior, 1 / over)
    with state:
        states = [transform.init(part) for part in (theta if per_chain else (theta,))]
    for step, (batch, keep) in enumerate(problem.steps(batch_size, rng), 1):
        with state:
            for chain, own in enumerate(states):
                rows = batch[chain] if per_chain and batch is not None else batch
                states[chain], _ = transform.update(own, rows)
        if keep or step % CHECK_EVERY == 0:
            theta = torch.stack([own.params for own in states]).detach().clone()
            theta = theta if per_chain else theta[0]
            check_finite(problem, theta)
        if keep:
            yield theta
