"""Stochastic gradient descent, a point estimate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register
from bdlbench.optim import cosine, descend_
from bdlbench.settings import check_positive, check_range


@register("sgd")
@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent on U: the maximum a posteriori (MAP) estimate, one draw.

    v ← μv + ∇Û/N,  θ ← θ − ηv, with cosine annealing of η to 0 (Loshchilov & Hutter, 2017).

    Args:
        learning_rate: Initial η, for the mean loss U/N; it corresponds to a step size ε of 2η/N.
        batch_size: Minibatch size.
        momentum: μ.
    """

    target: ClassVar[str] = "point"
    learning_rate: float = 0.1
    batch_size: int = 128
    momentum: float = 0.0

    def __post_init__(self) -> None:
        check_positive(learning_rate=self.learning_rate, batch_size=self.batch_size)
        check_range(0, 0.999, momentum=self.momentum)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Yield the last state."""
        theta = problem.init(rng)
        velocity = torch.zeros_like(theta)
        for batch, _ in problem.steps(self.batch_size, rng):
            rate = self.learning_rate * cosine(problem.progress)
            gradient = problem.gradient(theta, batch)
            descend_(theta, gradient, rate / problem.n, self.momentum, velocity)
        yield theta
