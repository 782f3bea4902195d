"""Least squares for the line y = 3x + 10, with 100 points and noise of standard deviation 0.6."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import torch
from torch import Generator, Tensor

from bdlbench.posterior import exact

from .descent import Factory, Loss, descend


@dataclass(frozen=True)
class Line:
    """The data; θ is (slope, intercept), and the loss is the mean of (y − θᵀx)².

    Args:
        features: x and 1 of each point, shape (N, 2), float64.
        targets: y, shape (N,).
    """

    features: Tensor
    targets: Tensor

    @property
    def hessian(self) -> Tensor:
        """The Hessian A of the loss, shape (2, 2)."""
        twice: Tensor = 2 * self.features.T @ self.features
        return twice / len(self.targets)

    @property
    def minimum(self) -> Tensor:
        """The minimiser of the loss, shape (2,)."""
        moment = 2 * self.features.T @ self.targets / len(self.targets)
        solution: Tensor = torch.linalg.solve(self.hessian, moment)
        return solution

    def loss(self, theta: Tensor) -> Tensor:
        """Return the loss over all points for θ of shape (…, 2)."""
        return (theta @ self.features.T - self.targets).square().mean(-1)

    def gradient(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return the gradient over the minibatch, or over all points; shape (runs, 2)."""
        if batch is None:
            residual = theta @ self.features.T - self.targets
            return 2 * residual @ self.features / len(self.targets)
        x = self.features[batch]
        residual = (x * theta[:, None]).sum(-1) - self.targets[batch]
        return 2 * (residual[..., None] * x).mean(1)

    def descend(
        self,
        optimizer: Factory,
        rate: float,
        size: int | None,
        start: Tensor,
        steps: int,
        seed: int,
    ) -> Tensor:
        """Return the states of parallel runs, shape (steps + 1, runs, 2), the start included.

        `start` is of shape (runs, 2), float64; a batch `size` of None uses all points.
        """
        rng, loss = Generator().manual_seed(seed), Loss(self.gradient, len(self.targets))
        return torch.stack([*islice(descend(loss, optimizer, rate, size, start, rng), steps + 1)])

    def stationary_covariance(self, rate: float, batch_size: int) -> Tensor:
        """Return the exact covariance of SGD's θ at a constant learning rate η, shape (2, 2).

        It solves S = E[(I − ηA_b)S(I − ηA_b)] + η²C/n, where A_b is the Hessian of a minibatch of
        n points drawn with replacement, and C the covariance of a single point's gradient at the
        minimum.
        """
        points = 2 * self.features[:, :, None] * self.features[:, None, :]
        residual = self.features @ self.minimum - self.targets
        noise = 2 * residual[:, None] * self.features
        contraction = torch.eye(2, dtype=torch.float64) - rate * self.hessian
        second = torch.stack([torch.kron(point, point) for point in points]).mean(0)
        variance = second - torch.kron(self.hessian, self.hessian)
        operator = torch.kron(contraction, contraction) + rate**2 / batch_size * variance
        source = rate**2 / batch_size * noise.T @ noise / len(noise)
        identity = torch.eye(4, dtype=torch.float64)
        solution: Tensor = torch.linalg.solve(identity - operator, source.reshape(4))
        return solution.reshape(2, 2)


def points() -> Line:
    """Return the data, the same at every call."""
    posterior = exact.linear_regression().posterior
    return Line(posterior.x.double(), posterior.y.double())
