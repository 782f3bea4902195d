"""Gaussian posteriors: linear models with several tensors, and means of large groups."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from bdlbench.checks.known import POOL, Array, Known, normal, places
from bdlbench.posterior.likelihoods import Gaussian
from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import Posterior

SMALL = 1000  # training points
NAMES = ("stem", "body", "core", "gate", "branch", "trunk", "head", "mixer", "probe", "lift")


def tensors(seed: int, points: int = 150, small: bool = False, condition: float = 6.0) -> Known:
    """Several weight tensors with biases, of a network that is linear in all of them.

    The posterior is Gaussian. All coordinates are correlated, also those of different tensors: the
    inputs have common factors, and the biases compensate for each other.

    Args:
        seed: Random seed of sizes, names and data.
        points: Number of training points.
        small: Fewer parameters.
        condition: Ratio of the largest to the smallest variance.
    """
    rng = np.random.default_rng((seed, 1))
    names = [str(name) for name in rng.permutation(NAMES)]
    sizes = map(int, rng.integers(2, 4, 2) if small else rng.integers(5, 9, 3))
    shapes: dict[str, tuple[int, ...]] = {names[i]: (1, size) for i, size in enumerate(sizes)}
    shapes[names[-1]] = (1, 1, 3)  # as of a convolution
    network = _network(shapes)
    factors = rng.standard_normal((points, 3)) @ rng.standard_normal((3, network.dim)) / 2
    design = factors + rng.standard_normal((points, network.dim))
    design[:, biases(network)] = 1.0
    return linear(network, design, rng, condition, prior_std=float(rng.uniform(0.3, 2)))


def groups(seed: int, points: int) -> Known:
    """The means of two large groups, and a common one, which reveal a wrong factor of N.

    The observations vary less than the noise, so that minibatches hardly differ and large N needs
    no more steps: the posterior does not depend on how much they vary.

    Args:
        seed: Random seed.
        points: Number of training points, N; a little more or less.
    """
    rng = np.random.default_rng((seed, 2))
    points = int(points * rng.uniform(0.8, 1.2))
    shapes = {str(rng.choice(NAMES)): (1, 2)}
    network = _network(shapes)
    design = np.column_stack([np.eye(2)[rng.permutation(points) % 2], np.ones(points)])
    return linear(network, design, rng, 4.0, prior_std=1.7 * points**-0.5, spread=1e-3)


def linear(
    network: Network,
    design: Array,
    rng: np.random.Generator,
    condition: float,
    prior_std: float,
    spread: float = 1.0,
) -> Known:
    """Return the Gaussian posterior of a linear model (Bishop, 2006, equations 3.53 and 3.54).

    Args:
        network: The model.
        design: Its inputs, the design matrix, shape (n, dim).
        rng: Source of the data.
        condition: Ratio of the largest to the smallest eigenvalue of the precision.
        prior_std: s; the standard deviation of the noise follows from the condition number.
        spread: Standard deviation of the targets around the model, in units of the noise.
    """
    gram = design.T @ design
    noise_std = math.sqrt(np.linalg.eigvalsh(gram)[-1] / (condition - 1)) * prior_std
    truth = 1.5 * prior_std * rng.standard_normal(network.dim)
    y = design @ truth + spread * noise_std * rng.standard_normal(len(design))
    x, targets = torch.from_numpy(design).float(), torch.from_numpy(y).float()
    posterior = _Linear(network, Gaussian(noise_std), x, targets, prior_std)
    precision = gram / noise_std**2 + np.eye(network.dim) / prior_std**2
    covariance = np.asarray(np.linalg.inv(precision), np.float64)
    mean = covariance @ design.T @ y / noise_std**2
    noise = rng.standard_normal((POOL // 4, network.dim))
    return normal(posterior, float(np.linalg.eigvalsh(precision)[-1]), mean, covariance, noise)


class _Parts(nn.Module):
    """A product of each input with all parameters, which belong to several tensors.

    Args:
        shapes: Shapes of the weights, by the name of their layer; each layer has a bias, too.
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        super().__init__()
        for name, shape in shapes.items():
            layer = nn.Module()
            layer.weight = nn.Parameter(torch.randn(shape) / shape[-1] ** 0.5)
            layer.bias = nn.Parameter(torch.zeros(1))
            self.add_module(name, layer)

    def forward(self, x: Tensor) -> Tensor:
        return x @ torch.cat([parameter.flatten() for parameter in self.parameters()])[:, None]


class _Linear(Posterior):
    """The posterior of a linear model with normal noise, with U and ∇U in one or two products."""

    def potential(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return U(θ) or its minibatch estimate; see `Posterior.potential`."""
        if not self._is_all(batch):
            return super().potential(theta, batch)
        return self._energy(theta, theta @ self.x.T - self.y)

    def value_and_gradient(
        self, theta: Tensor, batch: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return U(θ) and ∇U(θ); see `Posterior.value_and_gradient`."""
        return self.potential(theta, batch), self.gradient(theta, batch)

    def gradient(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return ∇U(θ) or its minibatch estimate; see `Posterior.gradient`."""
        if batch is None or self.n <= SMALL:
            residual = theta @ self.x.T - self.y
            if batch is not None and not self._is_all(batch):
                # Faster than a copy of every chain's minibatch.
                chosen = torch.zeros_like(residual)
                residual.mul_(chosen.scatter_add_(1, batch, torch.ones(batch.shape)))
            slope = residual @ self.x
        else:
            x = self.x[batch]
            slope = (((x @ theta[:, :, None])[..., 0] - self.y[batch])[:, None] @ x)[:, 0]
        slope.mul_(self._scale(batch) / self._noise**2)
        return slope.add_(theta, alpha=1 / self.prior_std**2)

    def _is_all(self, batch: Tensor | None) -> bool:
        """Return whether a minibatch is all the data, each point once."""
        if batch is None:
            return True
        return batch.shape[1] == self.n and bool((batch == torch.arange(self.n)).all())

    def _energy(self, theta: Tensor, residual: Tensor) -> Tensor:
        squares = residual.double().square().sum(1) / (2 * self._noise**2)
        constant = self.n * math.log(self._noise * math.sqrt(2 * math.pi))
        return squares + constant + theta.double().square().sum(1) / (2 * self.prior_std**2)

    @property
    def _noise(self) -> float:
        assert isinstance(self.likelihood, Gaussian)
        return self.likelihood.noise_std


def _network(shapes: Mapping[str, tuple[int, ...]]) -> Network:
    with torch.device("meta"):  # no random numbers are used
        module = _Parts(shapes)
    return Network(module, rebuild=lambda: _Parts(shapes))


def biases(network: Network) -> list[int]:
    """Return the positions of the biases in θ."""
    return [part.start for name, part in places(network).items() if "bias" in name]
