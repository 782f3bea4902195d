"""Minimise a loss by a torch optimizer on minibatches, many runs in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Generator, Tensor
from torch.optim import Optimizer

from bdlbench.posterior.potential import Posterior


@dataclass(frozen=True)
class Loss:
    """A mean over data points.

    Args:
        gradient: At θ, of shape (runs, dim), over the points of every run's minibatch, of shape
            (runs, size), or over all points for None.
        n: Number of points.
    """

    gradient: Callable[[Tensor, Tensor | None], Tensor]
    n: int


def mean_loss(posterior: Posterior) -> Loss:
    """Return L = U/n."""
    n = posterior.n
    return Loss(lambda theta, batch: posterior.gradient(theta, batch) / n, n)


def descend(
    loss: Loss,
    optimizer: Callable[..., Optimizer],
    rate: float,
    batch_size: int | None,
    start: Tensor,
    rng: Generator,
) -> Iterator[Tensor]:
    """Yield the states of the runs, the start first; without end.

    Args:
        loss: What is minimised.
        optimizer: Of torch.
        rate: Its learning rate.
        batch_size: Points of a minibatch, drawn with replacement; None for all points.
        start: θ of every run, shape (runs, dim).
        rng: Source of the minibatches.
    """
    theta = start.clone()
    steps = optimizer([theta], lr=rate)
    while True:
        yield theta.clone()
        batch = None
        if batch_size is not None:
            batch = torch.randint(loss.n, (len(theta), batch_size), generator=rng)
        theta.grad = loss.gradient(theta, batch)
        steps.step()


def after(states: Iterator[Tensor], steps: int) -> Tensor:
    """Return the state after so many steps."""
    return next(islice(states, steps, None))


def gradient_noise(posterior: Posterior, theta: Tensor, rows: Tensor, batch_size: int) -> Tensor:
    """Return the variance of a minibatch's gradient of U/n.

    Args:
        posterior: Of all data.
        theta: Where, shape (1, dim).
        rows: Points that it is estimated from, shape (points,).
        batch_size: Points of a minibatch.

    Returns:
        Shape (dim,).
    """
    single = [
        posterior.gradient(theta.expand(len(part), -1), part[:, None]) / posterior.n
        for part in rows.split(200)
    ]
    return torch.cat(single).var(0) / batch_size
