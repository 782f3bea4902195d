"""Particles that diffuse: how far they spread, and what flows where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.float64]
WINDOW = 0.2  # the time over which a flow is measured


@dataclass(frozen=True)
class Flows:
    """Hold flows of mass past points on the axis, each of shape (groups, points).

    Args:
        points: Shape (points,).
        net: What has flowed, measured by the number of particles beyond every point.
        gradient: −L'p, with the measured density p.
        diffusion: −½σ²∂p/∂θ, with the measured density p.
        theory: −½σ²∂p/∂θ with the exact density, shape (points,).
    """

    points: Array
    net: Array
    gradient: Array
    diffusion: Array
    theory: Array


@dataclass(frozen=True)
class Particles:
    """Move particles by dθ = −L' dt + σ dW, with L = drift·θ²/2, by Euler and Maruyama's method.

    Args:
        sigma: σ.
        step: Time step.
        drift: 0 for Brownian motion.
    """

    sigma: float
    step: float
    drift: float = 0.0

    def move(self, theta: Array, steps: int, rng: np.random.Generator) -> Array:
        """Return where the particles are after so many steps."""
        for _ in range(steps):
            noise = rng.standard_normal(theta.shape)
            theta = theta - self.step * self.drift * theta + self.sigma * self.step**0.5 * noise
        return theta

    def spreads(
        self, looks: Sequence[float], shape: tuple[int, int, int], rng: np.random.Generator
    ) -> Array:
        """Return the spread along an axis as a multiple of σ√t, shape (groups, looks).

        Args:
            looks: Times t; all particles start at 0.
            shape: (groups, particles, dimensions).
            rng: Source of the noise.
        """
        theta, now, found = np.zeros(shape), 0, []
        for look in looks:
            steps = round(look / self.step)
            theta, now = self.move(theta, steps - now, rng), steps
            found.append(np.sqrt(np.square(theta).mean((1, 2))) / (self.sigma * look**0.5))
        return np.stack(found, axis=1)

    def flows(self, std: float, shape: tuple[int, int], rng: np.random.Generator) -> Flows:
        """Measure the flows of Gaussian clouds.

        Args:
            std: Of every cloud at the start.
            shape: (groups, particles).
            rng: Source of the clouds and the noise.
        """
        edges = np.linspace(-3 * std, 3 * std, 26)
        points, width = edges[1:-1], edges[1] - edges[0]
        start = std * rng.standard_normal(shape)
        steps = round(WINDOW / self.step)
        halfway = self.move(start, steps // 2, rng)
        end = self.move(halfway, steps - steps // 2, rng)
        density = -np.diff(_beyond(halfway, edges), axis=1) / width
        middle = std if self.drift else np.sqrt(std**2 + self.sigma**2 * WINDOW / 2)
        exact = stats.norm.pdf(points, 0, middle)
        return Flows(
            points=points,
            net=(_beyond(end, edges) - _beyond(start, edges))[:, 1:-1] / WINDOW,
            gradient=-self.drift * points * (density[:, 1:] + density[:, :-1]) / 2,
            diffusion=-0.5 * self.sigma**2 * np.diff(density, axis=1) / width,
            theory=0.5 * self.sigma**2 * points / middle**2 * exact,
        )


def _beyond(theta: Array, points: Array) -> Array:
    """Return the share of every group's particles that lie beyond each point."""
    ordered = np.sort(theta, axis=1)
    return np.stack([1 - np.searchsorted(row, points) / len(row) for row in ordered])
