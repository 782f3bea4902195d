"""Minimise a loss with a torch optimizer on minibatches, multiple runs in parallel."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

import torch
from torch import Generator, Tensor
from torch.optim import Optimizer

from bdlbench.posterior.potential import Posterior

Factory = Callable[..., Optimizer]
"""An optimizer class of torch, or one with some of its arguments bound."""


class Loss(NamedTuple):
    """The mean of a function over n data points.

    `gradient` takes θ of shape (runs, dim) and minibatch indices of shape (runs, size), or None
    for all points.
    """

    gradient: Callable[[Tensor, Tensor | None], Tensor]
    n: int


def mean_loss(posterior: Posterior) -> Loss:
    """Return L = U/n."""
    n = posterior.n
    return Loss(lambda theta, batch: posterior.gradient(theta, batch) / n, n)


def descend(
    loss: Loss, optimizer: Factory, rate: float, size: int | None, start: Tensor, rng: Generator
) -> Iterator[Tensor]:
    """Yield θ of all runs, shape (runs, dim), indefinitely; `start` first.

    Minibatches of `size` points are drawn with replacement; None uses all points.
    """
    theta = start.clone()
    stepper = optimizer([theta], lr=rate)
    while True:
        yield theta.clone()
        batch = None
        if size is not None:
            batch = torch.randint(loss.n, (len(theta), size), generator=rng)
        theta.grad = loss.gradient(theta, batch)
        stepper.step()


def after(states: Iterator[Tensor], steps: int) -> Tensor:
    """Return the state after `steps` steps."""
    return next(islice(states, steps, None))


def gradient_noise(posterior: Posterior, theta: Tensor, rows: Tensor, batch_size: int) -> Tensor:
    """Return the variance of the minibatch gradient of U/n at θ of shape (1, dim); shape (dim,).

    It is estimated from the single-point gradients of `rows`, shape (points,).
    """
    single = [
        posterior.gradient(theta.expand(len(part), -1), part[:, None]) / posterior.n
        for part in rows.split(200)
    ]
    return torch.cat(single).var(0) / batch_size
