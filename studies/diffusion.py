"""Diffusion: Brownian particles, and the Langevin equation whose two flows cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy import stats

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import figure
from .intervals import halves, in_words, over_groups

Array = NDArray[np.float64]
WINDOW = 0.2  # the time over which a flow is measured
LOOKS = (0.25, 0.5, 1.0, 2.0, 4.0)
GROUPS = 10  # of particles, for the intervals


@register("diffusion")
@dataclass(frozen=True)
class Diffusion:
    """Simulate diffusing particles, and measure their spread and the flows.

    Brownian motion dθ = σdW spreads like σ√t along every axis, and mass flows down the slope of
    the density p, as −½σ²∂p/∂θ (Fick). With a drift −L', L = θ²/2, the gradient's flow −L'p and
    the flow of diffusion cancel where p is proportional to exp(−2L/σ²).

    Args:
        sigma: σ.
        step: Time step.
        particles: In each of ten groups.
        seed: Of the noise.
    """

    sigma: float = 1.0
    step: float = 0.01
    particles: int = 20_000
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Measure spreads and flows, with intervals over the groups."""
        rng, shape = np.random.default_rng(self.seed), (GROUPS, self.particles)
        brownian = Particles(self.sigma, self.step)
        spreads = {dim: over_groups(brownian.spreads(LOOKS, (*shape, dim), rng)) for dim in (1, 2)}
        say("spreads measured")
        free = brownian.flows(self.sigma, shape, rng)
        rest = self.sigma / np.sqrt(2)  # the stationary density's standard deviation
        bound = Particles(self.sigma, self.step, drift=1.0).flows(rest, shape, rng)
        say("flows measured")
        measured = {
            f"spread.{dim}.{look:g}": interval
            for dim, intervals in spreads.items()
            for look, interval in zip(LOOKS, intervals, strict=True)
        }
        worst = max(abs(interval.mean - 1) for interval in measured.values())
        measured |= {
            "free": _multiple(free.net, free.theory),
            "net": _multiple(bound.net, bound.theory),
            "gradient": _multiple(bound.gradient, bound.theory),
            "diffusion": _multiple(bound.diffusion, bound.theory),
        }
        numbers = {name: interval.mean for name, interval in measured.items()}
        text = (
            f"Brownian particles in one and two dimensions spread as σ√t within {worst:.1%}, and "
            f"the flow of mass is {in_words(measured['free'])} times −½σ²∂p/∂θ. At the Langevin "
            "equation's stationary density diffusion's flow is "
            f"{in_words(measured['diffusion'])} times theory's, the gradient's flow "
            f"{in_words(measured['gradient'])} times, and the mass that in truth flows "
            f"{in_words(measured['net'])} times."
        )
        title = (
            f"Particles spread as σ√t within {worst:.1%}; of Langevin's two flows "
            f"{abs(measured['net'].mean):.1%} is left"
        )
        files = self._draw(out, title, spreads, free, bound)
        return Finding(text, numbers | halves("half", measured), files)

    def _draw(
        self, out: Path, title: str, spreads: dict[int, list[Interval]], free: Flows, bound: Flows
    ) -> tuple[Path, ...]:
        picture, (far, flow, balance) = figure.canvas(title, 3, size=(13.5, 5))
        self._draw_spreads(far, spreads)
        flow.plot(free.points, free.theory, color=figure.BLACK, label="−½σ²∂p/∂θ")
        figure.bars(flow, free.points, over_groups(free.net), "measured")
        figure.describe(flow, "Brownian flow", "θ", "flow of mass per time", "upper left")
        flows = {"diffusion": bound.diffusion, "gradient": bound.gradient, "what flows": bound.net}
        table = {name: over_groups(values) for name, values in flows.items()}
        figure.curves(balance, bound.points, table, line="")
        for sign in (1, -1):
            balance.plot(bound.points, sign * bound.theory, color=figure.BLACK)
        balance.set_ylim(top=2 * balance.get_ylim()[1])
        figure.describe(balance, "Langevin, stationary", "θ", "", "upper left")
        columns = {"theta": bound.points, "theory": bound.theory}
        columns |= {k: getattr(bound, k).mean(0) for k in ("diffusion", "gradient", "net")}
        columns |= {"free.theta": free.points, "free.theory": free.theory, "free": free.net.mean(0)}
        return figure.write(out, "diffusion", picture, columns)

    def _draw_spreads(self, axes: Axes, spreads: dict[int, list[Interval]]) -> None:
        theory = self.sigma * np.sqrt(LOOKS)
        axes.plot(LOOKS, theory, color=figure.BLACK, label="σ√t")
        styles = zip("ox", figure.COLOURS, strict=False)
        for (dim, intervals), (mark, colour) in zip(spreads.items(), styles, strict=True):
            far = theory * [interval.mean for interval in intervals]
            axes.plot(LOOKS, far, mark, color=colour, ms=11, fillstyle="none", label=f"{dim}-D")
        figure.log_axes(axes, LOOKS, (0.5, 1, 2))
        figure.describe(axes, "Brownian spread", "time t", "spread along an axis", "upper left")


def _multiple(flows: Array, theory: Array) -> Interval:
    """Return the multiple of theory's flow that fits best, with its interval over groups."""
    return seed_interval((flows @ theory / (theory @ theory)).tolist())


@dataclass(frozen=True)
class Flows:
    """Flows of mass past points on the axis, each of shape (groups, points).

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
