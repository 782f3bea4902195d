"""Batch size: the noise of SGD, and the learning rate that compensates for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from torch import Tensor, optim

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import animation, figure
from .intervals import fit_power, halves, in_words, means
from .line import points

OPTIMIZERS = {"SGD": optim.SGD, "RMSprop": optim.RMSprop, "Adam": optim.Adam}
STILL = 0.02  # a smaller exponent counts as 0: less than 10 % over the range of batch sizes


@register("batch-size")
@dataclass(frozen=True)
class BatchSize:
    """Measure SGD's noise by batch size, and scale the learning rate to keep it constant.

    SGD at learning rate 0.1; then SGD, RMSprop and Adam at a learning rate proportional to the
    batch size n. By theory SGD's variance scales as η/n. RMSprop and Adam divide by √V; where
    minibatch noise dominates V, √V ∝ 1/√n: the variance scales as η/√n, and with η ∝ n the
    standard deviation as n^¼.

    Args:
        steps: Steps per run; the first half is discarded.
        runs: Independent runs, in ten groups for the confidence intervals.
        seed: Random seed of the minibatches.
        animate: Whether to write the animation as well.
    """

    sizes: ClassVar[tuple[int, ...]] = (1, 2, 4, 8, 16, 32, 64)
    rate: ClassVar[float] = 0.1
    # At batch size 1. RMSprop and Adam move by about η at every step, however small ∇L is.
    unit_rates: ClassVar[dict[str, float]] = {"SGD": 0.002, "RMSprop": 0.0005, "Adam": 0.0005}
    steps: int = 6000
    runs: int = 100
    seed: int = 0
    animate: bool = True

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the intercept's standard deviation with theory, and fit its power of n."""
        line = points()
        fixed = {size: self._spread("SGD", size, self.rate) for size in self.sizes}
        whole = self._spread("SGD", None, self.rate).mean
        say("measured at a fixed learning rate")
        covariances = {s: line.stationary_covariance(self.rate, s) for s in self.sizes}
        theory = {size: float(each[1, 1]) ** 0.5 for size, each in covariances.items()}
        scaled, powers = {}, {}
        for name, rate in self.unit_rates.items():
            scaled[name] = [self._spread(name, size, rate * size) for size in self.sizes]
            powers[name] = fit_power(self.sizes, [spread.mean for spread in scaled[name]])
            say(f"{name} measured at learning rates proportional to the batch size")
        numbers = {"spread.all": whole} | means("spread", fixed) | halves("half", fixed)
        numbers |= {f"theory.{size}": spread for size, spread in theory.items()}
        numbers |= means("power", powers) | halves("half", powers)
        worst = max(abs(fixed[size].mean / theory[size] - 1) for size in self.sizes)
        first, *_, last = self.sizes
        parts = [f"n^({in_words(p, 2)}) for {name} ({verdict(p)})" for name, p in powers.items()]
        text = (
            f"At learning rate {self.rate:g} the standard deviation of the intercept falls from "
            f"{fixed[first].mean:.4f} at batch size {first} to {fixed[last].mean:.4f} at {last}, "
            f"within {worst:.1%} of theory, and is {whole:.1g} without minibatches. With a "
            f"learning rate proportional to the batch size n it scales as {', '.join(parts)}."
        )
        files = self._draw(out, fixed, theory, scaled, powers)
        if self.animate:
            paths = {
                f"batch size {size or 'N'}": self._path("SGD", size, self.rate, 80)[:, 0]
                for size in (1, 4, 16, None)
            }
            files += animation.trails(out / "batch-size.gif", line, paths)
        return Finding(text, numbers, files)

    def _path(self, name: str, size: int | None, rate: float, steps: int) -> Tensor:
        start = points().minimum.repeat(self.runs, 1)
        return points().descend(OPTIMIZERS[name], rate, size, start, steps, self.seed)

    def _spread(self, name: str, size: int | None, rate: float) -> Interval:
        late = self._path(name, size, rate, self.steps - 1)[self.steps // 2 :, :, 1]
        squares = (late - points().minimum[1]).square().mean(0)
        return seed_interval(squares.view(10, -1).mean(1).sqrt().tolist())

    def _draw(
        self, out: Path, fixed: dict[int, Interval], theory: dict[int, float],
        scaled: dict[str, list[Interval]], powers: dict[str, Interval],
    ) -> tuple[Path, ...]:  # fmt: skip
        still = " and ".join(k for k, p in powers.items() if abs(p.mean) < STILL) or "no optimizer"
        fig, (left, right) = figure.canvas(f"With η ∝ n the noise is constant for {still} only")
        left.plot(self.sizes, list(theory.values()), color=figure.BLACK, label="theory")
        figure.bars(left, self.sizes, list(fixed.values()), f"SGD, η = {self.rate:g}")
        labels = {f"{k}: n^({in_words(powers[k], 2)})": spreads for k, spreads in scaled.items()}
        figure.curves(right, self.sizes, labels)
        for axes in (left, right):
            figure.log_axes(axes, self.sizes, (0.02, 0.05, 0.1, 0.2))
        y = "standard deviation of the intercept"
        figure.describe(left, "fixed learning rate", "batch size n", y, "lower left")
        figure.describe(right, "learning rate η ∝ n", "batch size n", "", "upper left")
        columns: dict[str, Any] = {"batch": self.sizes, "theory": theory.values()}
        for name, spreads in {"fixed": fixed.values(), **scaled}.items():
            columns[name] = [spread.mean for spread in spreads]
        return figure.write(out, "batch-size", fig, columns)


def verdict(power: Interval) -> str:
    """Return whether the standard deviation is constant, as text."""
    return "constant" if abs(power.mean) < STILL else "not constant"
