"""Batch size: the jitter that it leaves, and the learning rate that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, optim

from bdlbench.registry import register
from bdlbench.statistics import Interval, seed_interval
from bdlbench.studies import figure
from bdlbench.studies.line import descend, points
from bdlbench.studies.power import Power, fit_power
from bdlbench.studies.study import Finding, Say, half_width

OPTIMIZERS = {"SGD": optim.SGD, "RMSprop": optim.RMSprop, "Adam": optim.Adam}
STILL = 0.02  # a power below this is none: over the range of batch sizes, less than 10 %


@register("batch-size")
@dataclass(frozen=True)
class BatchSize:
    """Measure the jitter that a batch size leaves, and hold it still by the learning rate.

    SGD at rate 0.1; then SGD, RMSprop and Adam at a rate in proportion to the batch. By theory
    SGD's variance goes with η/n. RMSprop and Adam divide by √V, and where the minibatch's noise
    rules V, that is with 1/√n: the variance goes with η/√n, and the spread at such a rate with n^¼.

    Args:
        steps: Of every run; the first half is left out.
        runs: Independent runs, in ten groups for the intervals.
        seed: Of the minibatches.
        animate: Whether to write the animation, too.
    """

    sizes: ClassVar[tuple[int, ...]] = (1, 2, 4, 8, 16, 32, 64)
    rate: ClassVar[float] = 0.1
    # For one point. RMSprop and Adam move by about η at every step, however small ∇L is.
    unit_rates: ClassVar[dict[str, float]] = {"SGD": 0.002, "RMSprop": 0.0005, "Adam": 0.0005}
    steps: int = 6000
    runs: int = 100
    seed: int = 0
    animate: bool = True

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the spread of the intercept with theory, and fit its power of the batch size."""
        line = points()
        fixed = [self._spread("SGD", size, self.rate) for size in self.sizes]
        whole = self._spread("SGD", None, self.rate).mean
        say("measured at a fixed rate")
        theory = [float(line.stationary_covariance(self.rate, s)[1, 1]) ** 0.5 for s in self.sizes]
        grown, powers = {}, {}
        for name, rate in self.unit_rates.items():
            grown[name] = [self._spread(name, size, rate * size) for size in self.sizes]
            powers[name] = fit_power(self.sizes, [spread.mean for spread in grown[name]])
            say(f"{name} measured at rates in proportion to the batch")
        numbers = {"spread.all": whole}
        for size, interval, expected in zip(self.sizes, fixed, theory, strict=True):
            numbers |= {f"spread.{size}": interval.mean, f"theory.{size}": expected}
            numbers[f"half.{size}"] = half_width(interval)
        for name, fitted in powers.items():
            numbers |= {f"power.{name}": fitted.exponent, f"half.{name}": fitted.half}
        worst = max(abs(f.mean / t - 1) for f, t in zip(fixed, theory, strict=True))
        text = (
            f"At rate {self.rate:g} the intercept's spread falls from {fixed[0].mean:.4f} with one "
            f"point to {fixed[-1].mean:.4f} with {self.sizes[-1]} and {whole:.1g} with all, within "
            f"{worst:.1%} of theory. With a rate in proportion to the batch n the spread goes as "
            + ", ".join(f"n^({f}) with {k} ({verdict(f)})" for k, f in powers.items())
        )
        files = self._draw(out, fixed, theory, grown, powers)
        return Finding(text + ".", numbers, files + (self._animate(out) if self.animate else ()))

    def _states(self, name: str, size: int | None, rate: float, steps: int) -> Tensor:
        line, rng = points(), torch.Generator().manual_seed(self.seed)
        make = partial(OPTIMIZERS[name], lr=rate)
        start = line.minimum.repeat(self.runs, 1)
        return torch.stack(list(islice(descend(line, make, size, start, rng), steps)))

    def _spread(self, name: str, size: int | None, rate: float) -> Interval:
        late = self._states(name, size, rate, self.steps)[self.steps // 2 :, :, 1]
        squares = (late - points().minimum[1]).square().mean(0)
        return seed_interval(squares.view(10, -1).mean(1).sqrt().tolist())

    def _draw(
        self,
        out: Path,
        fixed: list[Interval],
        theory: list[float],
        grown: dict[str, list[Interval]],
        powers: dict[str, Power],
    ) -> tuple[Path, ...]:
        still = " and ".join(k for k, f in powers.items() if abs(f.exponent) < STILL) or "none"
        title = (
            f"Jitter falls with the batch; a rate in proportion holds it still for {still} alone"
        )
        picture, (left, right) = figure.canvas(title)
        left.plot(self.sizes, theory, color=figure.BLACK, label="theory")
        figure.bars(left, self.sizes, fixed, f"SGD, η = {self.rate:g}")
        for (name, spreads), colour in zip(grown.items(), figure.COLOURS, strict=False):
            figure.bars(right, self.sizes, spreads, f"{name}: n^({powers[name]})", colour, "-")
        for axes in (left, right):
            axes.set(xscale="log", yscale="log")
            axes.set_xticks(self.sizes, [str(size) for size in self.sizes], minor=False)
            axes.set_yticks([0.02, 0.05, 0.1, 0.2], ["0.02", "0.05", "0.1", "0.2"], minor=False)
            axes.minorticks_off()
        x, y = "points in a minibatch, n", "spread of the intercept (σ)"
        figure.describe(left, "rate fixed", x, y, "lower left")
        figure.describe(right, "rate η in proportion to n", x, "", "upper left")
        columns: dict[str, Any] = {
            "batch": list(self.sizes),
            "theory": theory,
            "fixed": [f.mean for f in fixed],
        }
        columns |= {name: [s.mean for s in spreads] for name, spreads in grown.items()}
        return figure.write(out, "batch-size", picture, columns)

    def _animate(self, out: Path) -> tuple[Path, ...]:
        picture, panels = figure.canvas("", 4, size=(12, 4), sharex=True, sharey=True)
        paths, trails = {}, []
        for axes, size in zip(panels, (1, 4, 16, None), strict=True):
            paths[size] = self._states("SGD", size, self.rate, 81)[:, 0]
            trails += axes.plot([], [], color=figure.BLUE, linewidth=1.5)
            trails += axes.plot([], [], "o", color=figure.VERMILION, markersize=9)
            axes.plot(*points().minimum, "+", color=figure.BLACK, markersize=14)
            axes.set(xlim=(2.2, 3.4), ylim=(9.4, 10.6))
            figure.describe(axes, f"batch {size or 'of all'}", "slope", "")
        panels[0].set_ylabel("intercept", fontsize=figure.LABEL)

        def draw(step: int) -> None:
            picture.suptitle(f"SGD at the minimum, step {step}", fontsize=figure.TITLE)
            for index, path in enumerate(paths.values()):
                trails[2 * index].set_data(*path[max(0, step - 20) : step + 1].T)
                trails[2 * index + 1].set_data(*path[step : step + 1].T)

        return figure.write_gif(out / "batch-size.gif", picture, draw, range(0, 81, 2))


def verdict(power: Power) -> str:
    """Say whether the spread stays."""
    return "it stays" if abs(power.exponent) < STILL else "it does not stay"
