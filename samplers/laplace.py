"""Diagonal Laplace approximation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register
from bdlbench.noise import normal_like
from bdlbench.optim import cosine
from bdlbench.settings import check_positive, check_range

BATCHES = 100  # minimum per epoch, for F: the relative error of a variance from k is √(2/k)


@register("laplace")
@dataclass(frozen=True)
class Laplace:
    """Laplace approximation: N(θ*, T/(F + 1/s²)), θ* the MAP estimate, F diagonal, s the prior's.

    θ* is the last iterate of θ ← θ − η·∇Û(θ)/N with cosine annealing of η. F = Σᵢ(gᵢ − ḡ)² is the
    empirical Fisher information, gᵢ the gradient of one point's log likelihood. It is estimated by
    the variance of minibatch gradients, F = Var(∇Û)·B/N, to which the prior term, a constant, does
    not contribute. (B is at most N/100, so that drawing without replacement changes it by < 1 %.)

    It is approximate: a Gaussian at one mode, and the empirical Fisher underestimates the Hessian
    where the data are fitted well (Kunstner et al., 2019). There are no Kronecker
    factors; docs/adapters.md shows those of laplace-torch.

    Source: MacKay (1992), A practical Bayesian framework for backpropagation networks; Ritter et
    al. (2018) for modern neural networks.

    Args:
        learning_rate: Initial η, for the mean loss U/N.
        batch_size: Minibatch size.
        curvature: Fraction of the budget for the estimation of F.
        temperature: T, a factor of the covariance.
    """

    target: ClassVar[str] = "approximate"
    learning_rate: float = 0.1
    batch_size: int = 128
    curvature: float = 0.1
    temperature: float = 1.0

    def __post_init__(self) -> None:
        check_positive(learning_rate=self.learning_rate, batch_size=self.batch_size)
        check_range(0.01, 0.99, curvature=self.curvature)
        check_range(0, float("inf"), temperature=self.temperature)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Find the mode, estimate its curvature, then yield draws from the Gaussian."""
        theta, training = problem.init(rng), 1 - self.curvature
        for batch, _ in problem.steps(self.batch_size, rng, until=training):
            rate = self.learning_rate * cosine(min(1.0, problem.progress / training))
            theta = theta.sub_(problem.gradient(theta, batch), alpha=rate / problem.n)
        precision = self._fisher(problem, theta, rng) + 1 / problem.prior_std**2
        std = math.sqrt(self.temperature) * precision.rsqrt()
        for _ in range(problem.draws):
            yield theta + std * normal_like(std, rng)

    def _fisher(self, problem: Problem, theta: Tensor, rng: Generator) -> Tensor:
        n, size = problem.n, max(1, min(self.batch_size, problem.n // BATCHES))
        mean, squares, count = torch.zeros_like(theta), torch.zeros_like(theta), 0
        for batch, _ in problem.steps(size, rng):
            gradient, count = problem.gradient(theta, batch), count + 1
            before = gradient - mean
            mean.add_(before, alpha=1 / count)
            squares.addcmul_(before, gradient - mean)  # Welford: no cancellation
        return squares / max(1, count) * size / n
