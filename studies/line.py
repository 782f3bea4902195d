"""The line y = 3x + 10 with noise 0.6 and 100 points, fitted by least squares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Generator, Tensor
from torch.optim import Optimizer

from bdlbench.posterior import exact

from .descent import Loss, descend


@dataclass(frozen=True)
class Line:
    """The data points; θ is (slope, intercept), the loss the mean of (y − θᵀx)².

    Args:
        features: Of each point x and 1, shape (N, 2), float64.
        targets: y, shape (N,).
    """

    features: Tensor
    targets: Tensor

    @property
    def hessian(self) -> Tensor:
        """The loss's second derivative A, shape (2, 2)."""
        twice: Tensor = 2 * self.features.T @ self.features
        return twice / len(self.targets)

    @property
    def minimum(self) -> Tensor:
        """θ of least loss, shape (2,)."""
        moment = 2 * self.features.T @ self.targets / len(self.targets)
        solution: Tensor = torch.linalg.solve(self.hessian, moment)
        return solution

    def loss(self, theta: Tensor) -> Tensor:
        """Return the loss over all points, of θ of shape (…, 2)."""
        return (theta @ self.features.T - self.targets).square().mean(-1)

    def gradient(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return the loss's gradient over the batch's points, or over all; shape (runs, 2)."""
        if batch is None:
            residual = theta @ self.features.T - self.targets
            return 2 * residual @ self.features / len(self.targets)
        x = self.features[batch]
        residual = (x * theta[:, None]).sum(-1) - self.targets[batch]
        return 2 * (residual[..., None] * x).mean(1)

    def descend(
        self,
        optimizer: Callable[..., Optimizer],
        rate: float,
        batch_size: int | None,
        start: Tensor,
        steps: int,
        seed: int,
    ) -> Tensor:
        """Return the states of parallel runs, the start first, shape (steps + 1, runs, 2).

        Args:
            optimizer: Of torch.
            rate: Its learning rate.
            batch_size: Points of a minibatch; None for all points.
            start: θ of every run, shape (runs, 2), float64.
            steps: Of every run.
            seed: Of the minibatches.
        """
        rng, loss = Generator().manual_seed(seed), Loss(self.gradient, len(self.targets))
        states = descend(loss, optimizer, rate, batch_size, start, rng)
        return torch.stack(list(islice(states, steps + 1)))

    def stationary_covariance(self, rate: float, batch_size: int) -> Tensor:
        """Return the covariance of SGD's θ at a constant rate η, shape (2, 2); exact.

        It solves S = E[(I − ηA_b)S(I − ηA_b)] + η²C/n with A_b a minibatch's Hessian, n points
        drawn with replacement, and C the covariance of one point's gradient at the minimum.
        """
        points = 2 * self.features[:, :, None] * self.features[:, None, :]
        residual = self.features @ self.minimum - self.targets
        noise = 2 * residual[:, None] * self.features
        moved = torch.eye(2, dtype=torch.float64) - rate * self.hessian
        twice = torch.stack([torch.kron(point, point) for point in points]).mean(0)
        spread = twice - torch.kron(self.hessian, self.hessian)
        operator = torch.kron(moved, moved) + rate**2 / batch_size * spread
        source = rate**2 / batch_size * noise.T @ noise / len(noise)
        identity = torch.eye(4, dtype=torch.float64)
        solution: Tensor = torch.linalg.solve(identity - operator, source.reshape(4))
        return solution.reshape(2, 2)


def points() -> Line:
    """Return the line's points, the same at every call."""
    posterior = exact.linear_regression().posterior
    return Line(posterior.x.double(), posterior.y.double())
