"""Diffusion: Brownian particles, and the Langevin equation whose two flows cancel."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from bdlbench.registry import register
from bdlbench.statistics import Interval, seed_interval
from bdlbench.studies import figure
from bdlbench.studies.study import Finding, Say, half_width, in_words

Array = NDArray[np.float64]
LOOKS = (0.25, 0.5, 1.0, 2.0, 4.0)
GROUPS = 10  # of particles, for the intervals
WINDOW = 0.2  # the time over which a flow is measured


@register("diffusion")
@dataclass(frozen=True)
class Diffusion:
    """Let particles diffuse, and measure how far they spread and what flows where.

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
        rng = np.random.default_rng(self.seed)
        spreads = {dim: self._spreads(rng, dim) for dim in (1, 2)}
        say("spreads measured")
        cloud = self.sigma * rng.standard_normal((GROUPS, self.particles))
        free = self._flows(rng, cloud, self.sigma, drift=0.0)
        rest = self.sigma / np.sqrt(2) * rng.standard_normal((GROUPS, self.particles))
        bound = self._flows(rng, rest, self.sigma / np.sqrt(2), drift=1.0)
        say("flows measured")
        shares = {
            "free": _share(free["net"], free["fick"]),
            "net": _share(bound["net"], bound["fick"]),
            "gradient": _share(bound["gradient"], bound["fick"]),
            "diffusion": _share(bound["diffusion"], bound["fick"]),
        }
        numbers: dict[str, float] = {}
        for dim, intervals in spreads.items():
            for look, interval in zip(LOOKS, intervals, strict=True):
                numbers |= _numbers(f"spread.{dim}.{look:g}", interval)
        for name, interval in shares.items():
            numbers |= _numbers(name, interval)
        worst = max(abs(numbers[f"spread.{d}.{t:g}"] - 1) for d in spreads for t in LOOKS)
        text = (
            f"Brownian particles in one and two dimensions spread as σ√t within {worst:.1%}, and "
            f"the flow of mass is {in_words(shares['free'])} times −½σ²∂p/∂θ. At the Langevin "
            "equation's stationary density diffusion's flow is "
            f"{in_words(shares['diffusion'])} times theory's, the gradient's flow "
            f"{in_words(shares['gradient'])} times, and the mass that in truth flows "
            f"{in_words(shares['net'])} times."
        )
        title = (
            f"Particles spread as σ√t within {worst:.1%}; of Langevin's two flows "
            f"{abs(shares['net'].mean):.1%} is left"
        )
        return Finding(text, numbers, self._draw(out, title, spreads, free, bound))

    def _spreads(self, rng: np.random.Generator, dim: int) -> list[Interval]:
        """Return the spread along an axis as a multiple of σ√t, at every look."""
        theta, now, found = np.zeros((GROUPS, self.particles, dim)), 0, []
        for look in LOOKS:
            for _ in range(round(look / self.step) - now):
                theta += self.sigma * self.step**0.5 * rng.standard_normal(theta.shape)
            now = round(look / self.step)
            spread = np.sqrt(np.square(theta).mean((1, 2)))
            found.append(seed_interval((spread / (self.sigma * look**0.5)).tolist()))
        return found

    def _flows(
        self, rng: np.random.Generator, theta: Array, std: float, drift: float
    ) -> dict[str, Array]:
        """Measure flows at points on the axis; each is of shape (groups, points).

        What has flowed past a point is the change in the number of particles beyond it.
        """
        edges = np.linspace(-3 * std, 3 * std, 26)
        before, points, width = _beyond(theta, edges), edges[1:-1], edges[1] - edges[0]
        steps = round(WINDOW / self.step)
        for count in range(steps):
            if count == steps // 2:
                density = -np.diff(_beyond(theta, edges), axis=1) / width
            noise = rng.standard_normal(theta.shape)
            theta = theta - self.step * drift * theta + self.sigma * self.step**0.5 * noise
        middle = std if drift else np.sqrt(std**2 + self.sigma**2 * WINDOW / 2)
        return {
            "points": points,
            "net": (_beyond(theta, edges) - before)[:, 1:-1] / WINDOW,
            "gradient": -drift * points * (density[:, 1:] + density[:, :-1]) / 2,
            "diffusion": -0.5 * self.sigma**2 * np.diff(density, axis=1) / width,
            "fick": 0.5 * self.sigma**2 * points / middle**2 * stats.norm.pdf(points, 0, middle),
        }

    def _draw(
        self,
        out: Path,
        title: str,
        spreads: dict[int, list[Interval]],
        free: dict[str, Array],
        bound: dict[str, Array],
    ) -> tuple[Path, ...]:
        picture, (far, flow, balance) = figure.canvas(title, 3, size=(13.5, 5))
        times = np.array(LOOKS)
        far.loglog(times, self.sigma * times**0.5, color=figure.BLACK, label="σ√t")
        for (dim, intervals), mark in zip(spreads.items(), "ox", strict=True):
            measured = [i.mean * self.sigma * t**0.5 for i, t in zip(intervals, times, strict=True)]
            far.plot(
                times,
                measured,
                mark,
                color=figure.BLUE if dim == 1 else figure.VERMILION,
                markersize=11,
                fillstyle="none",
                label=f"{dim}-D",
            )
        far.set_xticks(times, [f"{t:g}" for t in LOOKS], minor=False)
        far.minorticks_off()
        far.set_yticks([0.5, 1, 2], ["0.5", "1", "2"], minor=False)
        figure.describe(far, "Brownian spread", "time t", "spread along an axis", "upper left")
        flow.plot(free["points"], free["fick"], color=figure.BLACK, label="−½σ²∂p/∂θ")
        figure.bars(flow, free["points"], _columns(free["net"]), "measured")
        figure.describe(flow, "Brownian flow", "θ", "flow of mass per time", "upper left")
        for name, colour, label in (
            ("diffusion", figure.BLUE, "diffusion"),
            ("gradient", figure.VERMILION, "gradient"),
            ("net", figure.GREEN, "what flows"),
        ):
            figure.bars(balance, bound["points"], _columns(bound[name]), label, colour)
        balance.plot(bound["points"], bound["fick"], color=figure.BLACK)
        balance.plot(bound["points"], -bound["fick"], color=figure.BLACK)
        balance.set_ylim(top=2 * balance.get_ylim()[1])
        figure.describe(balance, "Langevin, stationary", "θ", "", "upper left")
        columns = {"theta": bound["points"], "theory": bound["fick"]}
        columns |= {k: bound[k].mean(0) for k in ("diffusion", "gradient", "net")}
        columns |= {"free.theta": free["points"], "free.theory": free["fick"]}
        return figure.write(out, "diffusion", picture, columns | {"free": free["net"].mean(0)})


def _beyond(theta: Array, points: Array) -> Array:
    """Return the share of every group's particles that lie beyond each point."""
    ordered = np.sort(theta, axis=1)
    return np.stack([1 - np.searchsorted(row, points) / len(row) for row in ordered])


def _share(flows: Array, theory: Array) -> Interval:
    """Return the multiple of theory's flow that fits best, with its interval over groups."""
    return seed_interval((flows @ theory / (theory @ theory)).tolist())


def _columns(flows: Array) -> list[Interval]:
    return [seed_interval(column.tolist()) for column in flows.T]


def _numbers(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.mean, f"half.{name}": half_width(interval)}
