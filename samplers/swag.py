"""Stochastic weight averaging, Gaussian."""

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


@register("swag")
@dataclass(frozen=True)
class SWAG:
    """SWAG: a Gaussian fitted to the iterates of θ ← θ − η·∇Û(θ)/N, diagonal plus low rank.

    During burn-in η is annealed along a cosine, and then constant. Evenly spaced iterates after
    burn-in, one per draw, give the mean θ̄, the variance σ², and the deviations D of the last K from
    the running mean; draws are θ̄ + √T·(σ⊙z₁/√2 + Dz₂/√(2(K − 1))).

    It is approximate: the spread of the iterates depends on the learning rate and the batch size.

    Source: Maddox et al. (2019), A simple baseline for Bayesian uncertainty in deep learning,
    algorithm 1.

    Args:
        learning_rate: Initial η, for the mean loss U/N.
        constant_rate: η after burn-in.
        batch_size: Minibatch size.
        rank: K.
        temperature: T, a factor of the covariance.
    """

    target: ClassVar[str] = "approximate"
    learning_rate: float = 0.1
    constant_rate: float = 0.05
    batch_size: int = 128
    rank: int = 20
    temperature: float = 1.0

    def __post_init__(self) -> None:
        check_positive(learning_rate=self.learning_rate, constant_rate=self.constant_rate)
        check_positive(batch_size=self.batch_size)
        check_range(2, float("inf"), rank=self.rank)
        check_range(0, float("inf"), temperature=self.temperature)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Fit the Gaussian to the iterates after burn-in, then yield draws from it."""
        theta = problem.init(rng)
        mean, squares = torch.zeros_like(theta), torch.zeros_like(theta)
        deviations: list[Tensor] = []
        snapshots = 0
        for batch, keep in problem.steps(self.batch_size, rng):
            rate = self._rate(problem) / problem.n
            theta = theta.sub_(problem.gradient(theta, batch), alpha=rate)
            if keep:
                snapshots += 1
                before = theta - mean
                mean.add_(before, alpha=1 / snapshots)
                squares.addcmul_(before, theta - mean)  # Welford: no cancellation
                deviations = [*deviations[1 - self.rank :], theta - mean]
        std, columns = (squares / snapshots).sqrt(), torch.stack(deviations)
        for _ in range(problem.draws):
            diagonal = std * normal_like(std, rng)
            weights = torch.randn(len(columns), problem.chains, 1, generator=rng, device=rng.device)
            low_rank = (columns * weights).sum(0) / math.sqrt(max(1, len(columns) - 1))
            yield mean + math.sqrt(self.temperature / 2) * (diagonal + low_rank)

    def _rate(self, problem: Problem) -> float:
        if problem.progress >= problem.burn_in:
            return self.constant_rate
        fall = self.learning_rate - self.constant_rate
        return self.constant_rate + fall * cosine(problem.progress / problem.burn_in)
