"""Posteriors of which independent exact draws can be had, on which samplers are certified.

Sizes, names and data are drawn anew from a seed, so that no plugin can recognise a problem.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bdlbench.posterior.likelihoods import Bernoulli, Gaussian
from bdlbench.posterior.models import Network
from bdlbench.posterior.potential import Posterior

Array = NDArray[np.float64]
POOL = 100_000  # exact draws: their means are known to 0.3 % of a standard deviation
OVERDISPERSED = 2.0  # factor by which over-dispersed initial states are further from the mean
SMALL = 1000  # training points
NAMES = ("stem", "body", "core", "gate", "branch", "trunk", "head", "mixer", "probe", "lift")


def unfolded(theta: Array) -> Array:
    """Return θ as it is, for a posterior without symmetries."""
    return theta


@dataclass(frozen=True)
class Known:
    """A posterior with independent exact draws.

    Args:
        posterior: The posterior to sample.
        pool: Independent draws, shape (n, dim); of one of several equivalent modes.
        curvature: Largest eigenvalue of the Hessian of U, at most of the draws.
        mean: Posterior mean, of one of several equivalent modes, shape (dim,).
        covariance: Posterior covariance, likewise, shape (dim, dim).
        fold: Maps θ (…, dim) to the equivalent θ in the mode of the pool.
        flip: Maps θ (…, dim) to the equivalent θ in another mode; None without symmetries.
        gaussian: Whether the posterior is Gaussian.
    """

    posterior: Posterior
    pool: Array
    curvature: float
    mean: Array
    covariance: Array
    fold: Callable[[Array], Array] = unfolded
    flip: Callable[[Array], Array] | None = None
    gaussian: bool = False

    @cached_property
    def root(self) -> Array:
        """Lower triangular L with covariance L·Lᵀ."""
        return np.asarray(np.linalg.cholesky(self.covariance), np.float64)

    @cached_property
    def relaxation(self) -> float:
        """Relaxation time of Langevin dynamics along the widest axis, in units of steps × κ."""
        return 2 * self.curvature * float(np.linalg.eigvalsh(self.covariance)[-1])

    def whiten(self, theta: Array) -> Array:
        """Return folded θ (…, dim) in coordinates in which mean is 0 and covariance I."""
        offsets = (self.fold(theta) - self.mean).reshape(-1, len(self.mean))
        white = np.linalg.solve(self.root, offsets.T).T
        return np.asarray(white.reshape(theta.shape))

    def start(self, exact: int, wide: int, temperature: float, rng: torch.Generator) -> Tensor:
        """Draw initial states: exact ones, and then over-dispersed ones, shape (chains, dim).

        Args:
            exact: Number of exact draws.
            wide: Number of states that are `OVERDISPERSED`.
            temperature: For another temperature than 1, of a Gaussian posterior.
            rng: Source of the choice.
        """
        chosen = torch.randint(len(self.pool), (exact + wide,), generator=rng).numpy()
        scale = np.r_[np.ones(exact), np.full(wide, OVERDISPERSED)] * math.sqrt(temperature)
        theta = self.mean + scale[:, None] * (self.pool[chosen] - self.mean)
        if self.flip is not None:
            flipped = torch.rand(len(theta), generator=rng).numpy() < 0.5
            theta = np.where(flipped[:, None], self.flip(theta), theta)
        return torch.from_numpy(theta).float()


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
    with torch.device("meta"):
        network = Network(_Parts(shapes))
    factors = rng.standard_normal((points, 3)) @ rng.standard_normal((3, network.dim)) / 2
    design = factors + rng.standard_normal((points, network.dim))
    design[:, _biases(network)] = 1.0
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
    with torch.device("meta"):
        network = Network(_Parts({str(rng.choice(NAMES)): (1, 2)}))
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
    normal = rng.standard_normal((POOL // 4, network.dim))
    pool = mean + normal @ np.linalg.cholesky(covariance).T
    curvature = float(np.linalg.eigvalsh(precision)[-1])
    return Known(posterior, pool, curvature, mean, covariance, gaussian=True)


def skewed(seed: int) -> Known:
    """Logistic regression on few points, with a skewed posterior, by quadrature on a grid."""
    rng = np.random.default_rng((seed, 3))
    points, prior_std = int(rng.integers(10, 15)), float(rng.uniform(2.0, 2.6))
    x = rng.uniform(-1, 1, (points, 1))
    slope, intercept = rng.choice([-1, 1], 2) * rng.uniform([2.5, 0.8], [4.0, 1.5])
    y = rng.uniform(size=points) < 1 / (1 + np.exp(-slope * x[:, 0] - intercept))
    posterior = _posterior(nn.Linear(1, 1), Bernoulli(), x, y.astype(float), prior_std)

    def log_density(grid: Array) -> Array:
        logits = grid[:, :1] * x.T + grid[:, 1:]
        log_likelihood = -np.logaddexp(0, np.where(y, -logits, logits)).sum(axis=1)
        return np.asarray(log_likelihood - (grid**2).sum(axis=1) / (2 * prior_std**2))

    pool = _from_grid(log_density, 7 * prior_std, rng)
    return _known(posterior, pool)


def curved(seed: int) -> Known:
    """The network w₂·tanh(w₁·x): two modes by symmetry, each of them curved.

    Given w₁, the posterior of w₂ is Gaussian; that of w₁ is by quadrature.
    """
    rng = np.random.default_rng((seed, 4))
    return _tanh(rng, bias=False)


def two_layers(seed: int) -> Known:
    """A network with one hidden tanh unit and biases, four tensors.

    Given the first layer, the posterior of the second is Gaussian; that of the first is by
    quadrature.
    """
    rng = np.random.default_rng((seed, 5))
    return _tanh(rng, bias=True)


def _tanh(rng: np.random.Generator, bias: bool) -> Known:
    points, prior_std, noise_std = int(rng.integers(7, 11)), float(rng.uniform(0.8, 1.0)), 1.0
    x = np.linspace(-1.5, 1.5, points)[:, None] + rng.uniform(-0.1, 0.1, (points, 1))
    w, v = rng.uniform(0.9, 1.3), rng.uniform(1.4, 1.9)
    b, c = (rng.uniform(-0.5, 0.5, 2)) if bias else (0.0, 0.0)
    y = v * np.tanh(w * x[:, 0] + b) + c + noise_std * rng.standard_normal(points)
    module = nn.Sequential(nn.Linear(1, 1, bias=bias), nn.Tanh(), nn.Linear(1, 1, bias=bias))
    posterior = _posterior(module, Gaussian(noise_std), x, y, prior_std)
    inner = 2 if bias else 1

    def second(first: Array) -> tuple[Array, Array, Array]:
        """Return log evidence, mean and covariance of the second layer given the first."""
        hidden = np.tanh(first[:, :1] * x.T + (first[:, 1:] if bias else 0.0))
        features = np.stack([hidden, np.ones_like(hidden)][:inner], axis=-1)
        gram = np.einsum("gni,gnj->gij", features, features) / noise_std**2
        precision = gram + np.eye(inner) / prior_std**2
        covariance = np.linalg.inv(precision)
        mean = np.einsum("gij,gnj,n->gi", covariance, features, y) / noise_std**2
        evidence = (np.einsum("gi,gij,gj->g", mean, precision, mean)
                    + np.linalg.slogdet(covariance)[1]) / 2  # fmt: skip
        return evidence, mean, covariance

    def log_density(grid: Array) -> Array:
        return np.asarray(second(grid)[0] - (grid**2).sum(axis=1) / (2 * prior_std**2))

    first = _from_grid(log_density, 6 * prior_std, rng, inner)
    _, mean, covariance = second(first)
    normal = rng.standard_normal((len(first), inner, 1))
    outer = mean + (np.linalg.cholesky(covariance) @ normal)[..., 0]
    signs = np.array([-1.0, -1, -1, 1]) if bias else np.array([-1.0, -1])  # tanh is odd
    position = inner  # of w₂ in θ: after the first layer

    def flip(theta: Array) -> Array:
        return signs * theta

    def fold(theta: Array) -> Array:
        return np.where(theta[..., position, None] < 0, signs * theta, theta)

    return _known(posterior, fold(np.concatenate([first, outer], axis=1)), fold, flip)


class _Parts(nn.Module):
    """A product of each input with all parameters, which belong to several tensors.

    Args:
        shapes: Shapes of the weights, by the name of their layer; each layer has a bias, too.
    """

    def __init__(self, shapes: dict[str, tuple[int, ...]]) -> None:
        super().__init__()
        for name, shape in shapes.items():
            layer = nn.Module()
            layer.weight = nn.Parameter(torch.empty(shape))
            layer.bias = nn.Parameter(torch.empty(1))
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


def _posterior(
    module: nn.Module, likelihood: Bernoulli | Gaussian, x: Array, y: Array, prior_std: float
) -> Posterior:
    inputs, targets = torch.from_numpy(x).float(), torch.from_numpy(y).float()
    return Posterior(Network(module), likelihood, inputs, targets, prior_std)


def _known(
    posterior: Posterior,
    pool: Array,
    fold: Callable[[Array], Array] = unfolded,
    flip: Callable[[Array], Array] | None = None,
) -> Known:
    """Return a posterior with moments of its draws, and the curvature of nineteen in twenty."""
    curvature = np.quantile(_curvatures(posterior, pool[:200]), 0.95)
    mean, covariance = pool.mean(axis=0), np.cov(pool.T)
    return Known(posterior, pool, float(curvature), mean, covariance, fold, flip)


def _curvatures(posterior: Posterior, theta: Array) -> Array:
    """Return the largest eigenvalue of the Hessian at each θ, by differences of ∇U."""
    step, dim = 1e-2, theta.shape[1]
    shifts = np.concatenate([np.eye(dim), -np.eye(dim)]) * step
    moved = torch.from_numpy((theta[:, None] + shifts).reshape(-1, dim)).float()
    slopes = posterior.gradient(moved).double().numpy().reshape(len(theta), 2, dim, dim)
    hessians = (slopes[:, 0] - slopes[:, 1]) / (2 * step)
    return np.asarray(np.linalg.eigvalsh((hessians + hessians.transpose(0, 2, 1)) / 2)[:, -1])


def _biases(network: Network) -> list[int]:
    """Return the positions of the biases in θ."""
    ends = np.cumsum(network.sizes)
    return [end - 1 for name, end in zip(network.shapes, ends, strict=True) if "bias" in name]


def _from_grid(
    log_density: Callable[[Array], Array],
    width: float,
    rng: np.random.Generator,
    dim: int = 2,
) -> Array:
    """Draw from a density on ±width, by a grid of cells within which it is constant.

    A first grid finds where the mass is; the second has cells of about a fortieth of the width of
    the posterior, whose variance is thus too large by less than 10⁻⁴.
    """
    low, high = np.full(dim, -width), np.full(dim, width)
    for cells in (200, 400):
        edges = [np.linspace(a, b, cells + 1) for a, b in zip(low, high, strict=True)]
        axes = [(edge[1:] + edge[:-1]) / 2 for edge in edges]
        grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dim)
        weights = log_density(grid)
        weights = np.exp(weights - weights.max())
        inside = grid[weights > 1e-9]
        cell = (high - low) / cells
        low, high = inside.min(axis=0) - cell, inside.max(axis=0) + cell
    chosen = rng.choice(len(grid), POOL, p=weights / weights.sum())
    return np.asarray(grid[chosen] + cell * rng.uniform(-0.5, 0.5, (POOL, dim)))
