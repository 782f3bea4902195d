"""Batch size: the noise that it causes, and the learning rate that goes with it."""

from __future__ import annotations

from collections.abc import Sequence
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
        fixed = {size: self._spread("SGD", size, self.rate) for size in self.sizes}
        whole = self._spread("SGD", None, self.rate).mean
        say("measured at a fixed rate")
        theory = {
            size: float(line.stationary_covariance(self.rate, size)[1, 1]) ** 0.5
            for size in self.sizes
        }
        grown, powers = {}, {}
        for name, rate in self.unit_rates.items():
            grown[name] = [self._spread(name, size, rate * size) for size in self.sizes]
            powers[name] = fit_power(self.sizes, [spread.mean for spread in grown[name]])
            say(f"{name} measured at rates in proportion to the batch")
        numbers = {"spread.all": whole} | means("spread", fixed) | halves("half", fixed)
        numbers |= {f"theory.{size}": spread for size, spread in theory.items()}
        numbers |= means("power", powers) | halves("half", powers)
        worst = max(abs(fixed[size].mean / theory[size] - 1) for size in self.sizes)
        first, *_, last = self.sizes
        words = [f"n^({in_words(p, 2)}) with {name} ({verdict(p)})" for name, p in powers.items()]
        text = (
            f"At rate {self.rate:g} the intercept's spread falls from {fixed[first].mean:.4f} with "
            f"one point to {fixed[last].mean:.4f} with {last} and {whole:.1g} with all, within "
            f"{worst:.1%} of theory. With a rate in proportion to the batch n the spread goes as "
            f"{', '.join(words)}."
        )
        files = self._draw(out, list(fixed.values()), list(theory.values()), grown, powers)
        if self.animate:
            paths = {
                f"batch {size or 'of all'}": self._path("SGD", size, self.rate, 80)[:, 0]
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
        self,
        out: Path,
        fixed: Sequence[Interval],
        theory: Sequence[float],
        grown: dict[str, list[Interval]],
        powers: dict[str, Interval],
    ) -> tuple[Path, ...]:
        still = " and ".join(k for k, p in powers.items() if abs(p.mean) < STILL) or "none"
        title = (
            f"Jitter falls with the batch; a rate in proportion holds it still for {still} alone"
        )
        picture, (left, right) = figure.canvas(title)
        left.plot(self.sizes, theory, color=figure.BLACK, label="theory")
        figure.bars(left, self.sizes, fixed, f"SGD, η = {self.rate:g}")
        labels = {f"{k}: n^({in_words(powers[k], 2)})": spreads for k, spreads in grown.items()}
        figure.curves(right, self.sizes, labels)
        for axes in (left, right):
            figure.log_axes(axes, self.sizes, (0.02, 0.05, 0.1, 0.2))
        x, y = "points in a minibatch, n", "spread of the intercept (σ)"
        figure.describe(left, "rate fixed", x, y, "lower left")
        figure.describe(right, "rate η in proportion to n", x, "", "upper left")
        columns: dict[str, Any] = {"batch": self.sizes, "theory": theory}
        for name, spreads in {"fixed": fixed, **grown}.items():
            columns[name] = [spread.mean for spread in spreads]
        return figure.write(out, "batch-size", picture, columns)


def verdict(power: Interval) -> str:
    """Describe whether the spread is constant."""
    return "it stays" if abs(power.mean) < STILL else "it does not stay"
