"""Diffusion: Brownian particles, and the two fluxes of the Langevin equation that cancel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import figure
from .intervals import Array, halves, in_words, over_groups

WINDOW = 0.2  # time over which a flux is measured
LOOKS = (0.25, 0.5, 1.0, 2.0, 4.0)
GROUPS = 10  # of particles, for the confidence intervals


@register("diffusion")
@dataclass(frozen=True)
class Diffusion:
    """Simulate diffusing particles, and measure their spread and the probability fluxes.

    Brownian motion dθ = σdW spreads as σ√t along every axis, with flux −½σ²∂p/∂θ down the gradient
    of the density p (Fick). With a drift −L', L = θ²/2, the drift flux −L'p and the diffusion flux
    cancel where p ∝ exp(−2L/σ²).

    Args:
        sigma: σ.
        step: Time step.
        particles: Particles in each of ten groups.
        seed: Random seed of the noise.
    """

    sigma: float = 1.0
    step: float = 0.01
    particles: int = 20_000
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Measure spreads and fluxes, with confidence intervals over the groups."""
        rng, shape = np.random.default_rng(self.seed), (GROUPS, self.particles)
        brownian = Particles(self.sigma, self.step)
        spreads = {dim: over_groups(brownian.spreads(LOOKS, (*shape, dim), rng)) for dim in (1, 2)}
        say("spreads measured")
        free = brownian.flows(self.sigma, shape, rng)
        stationary_std = self.sigma / np.sqrt(2)
        bound = Particles(self.sigma, self.step, drift=1.0).flows(stationary_std, shape, rng)
        say("fluxes measured")
        measured = {
            f"spread.{dim}.{look:g}": interval
            for dim, intervals in spreads.items()
            for look, interval in zip(LOOKS, intervals, strict=True)
        }
        worst = max(abs(interval.mean - 1) for interval in measured.values())
        measured["free"] = _multiple(free.net, free.theory)
        for name in ("net", "gradient", "diffusion"):
            measured[name] = _multiple(getattr(bound, name), bound.theory)
        text = (
            f"Brownian particles in one and two dimensions spread as σ√t within {worst:.1%}, and "
            f"the probability flux is {in_words(measured['free'])} times −½σ²∂p/∂θ. In the "
            "stationary state of the Langevin equation the diffusion flux is "
            f"{in_words(measured['diffusion'])} times the theoretical one, the drift flux "
            f"{in_words(measured['gradient'])} times, and the net flux "
            f"{in_words(measured['net'])} times."
        )
        title = (
            f"Particles spread as σ√t within {worst:.1%}; net Langevin flux: "
            f"{abs(measured['net'].mean):.1%} of the diffusion flux"
        )
        numbers = {name: interval.mean for name, interval in measured.items()}
        files = self._draw(out, title, spreads, free, bound)
        return Finding(text, numbers | halves("half", measured), files)

    def _draw(
        self, out: Path, title: str, spreads: dict[int, list[Interval]], free: Flows, bound: Flows
    ) -> tuple[Path, ...]:
        fig, (spread, flow, balance) = figure.canvas(title, 3, size=(13.5, 5))
        theory = self.sigma * np.sqrt(LOOKS)
        spread.plot(LOOKS, theory, color=figure.BLACK, label="σ√t")
        styles = zip("ox", figure.COLOURS, strict=False)
        for (dim, intervals), (mark, colour) in zip(spreads.items(), styles, strict=True):
            y = theory * [interval.mean for interval in intervals]
            spread.plot(LOOKS, y, mark, color=colour, ms=11, fillstyle="none", label=f"{dim}-D")
        figure.log_axes(spread, LOOKS, (0.5, 1, 2))
        figure.describe(spread, "Brownian spread", "time t", "spread along an axis", "upper left")
        flow.plot(free.points, free.theory, color=figure.BLACK, label="−½σ²∂p/∂θ")
        figure.bars(flow, free.points, over_groups(free.net), "measured")
        figure.describe(flow, "Brownian motion", "θ", "probability flux", "upper left")
        flows = {"diffusion": bound.diffusion, "drift": bound.gradient, "net": bound.net}
        table = {name: over_groups(values) for name, values in flows.items()}
        figure.curves(balance, bound.points, table, line="")
        for sign in (1, -1):
            balance.plot(bound.points, sign * bound.theory, color=figure.BLACK)
        balance.set_ylim(top=2 * balance.get_ylim()[1])
        figure.describe(balance, "Langevin, stationary", "θ", "", "upper left")
        columns = {"theta": bound.points, "theory": bound.theory}
        columns |= {k: getattr(bound, k).mean(0) for k in ("diffusion", "gradient", "net")}
        columns |= {"free.theta": free.points, "free.theory": free.theory, "free": free.net.mean(0)}
        return figure.write(out, "diffusion", fig, columns)


def _multiple(flows: Array, theory: Array) -> Interval:
    """Return the least-squares factor between measured and theoretical flux."""
    return seed_interval((flows @ theory / (theory @ theory)).tolist())


@dataclass(frozen=True)
class Flows:
    """Probability fluxes at points on the axis, each of shape (groups, points).

    Args:
        points: Shape (points,).
        net: Measured by the share of particles beyond every point.
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
    """Euler–Maruyama simulation of dθ = −L' dt + σ dW with L = drift·θ²/2."""

    sigma: float
    step: float
    drift: float = 0.0

    def move(self, theta: Array, steps: int, rng: np.random.Generator) -> Array:
        """Return the positions after `steps` steps."""
        for _ in range(steps):
            noise = rng.standard_normal(theta.shape)
            theta = theta - self.step * self.drift * theta + self.sigma * self.step**0.5 * noise
        return theta

    def spreads(
        self, looks: Sequence[float], shape: tuple[int, int, int], rng: np.random.Generator
    ) -> Array:
        """Return the spread along an axis at times `looks`, in units of σ√t.

        `shape` is (groups, particles, dimensions), the result of shape (groups, looks).
        """
        theta, done, ratios = np.zeros(shape), 0, []
        for look in looks:
            steps = round(look / self.step)
            theta, done = self.move(theta, steps - done, rng), steps
            ratios.append(np.sqrt(np.square(theta).mean((1, 2))) / (self.sigma * look**0.5))
        return np.stack(ratios, axis=1)

    def flows(self, std: float, shape: tuple[int, int], rng: np.random.Generator) -> Flows:
        """Measure the fluxes of Gaussian clouds of initial width `std`, one per group."""
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
    """Return the share of each group's particles beyond each point."""
    ordered = np.sort(theta, axis=1)
    return np.stack([1 - np.searchsorted(row, points) / len(row) for row in ordered])
