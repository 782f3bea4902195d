"""The excess loss due to SGD's noise: proportional to the learning rate, with slope ¼ E‖ĝ‖²."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Generator, Tensor, optim

from bdlbench.metrics.statistics import seed_interval
from bdlbench.posterior.potential import Posterior
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import figure
from .descent import descend, gradient_noise, mean_loss
from .intervals import Array, half_width, in_words
from .target import minimum, posterior_of

LOOK = 1.0  # time η·steps between two evaluations of the loss
SAMPLE = 2000  # training points that E‖ĝ‖² is estimated from


@register("loss-slope")
@dataclass(frozen=True)
class LossSlope:
    """Measure the stationary mean loss of SGD around a minimum as a function of the learning rate.

    Softmax regression, L = U/N. At the minimum ∂Loss/∂η → ¼ E‖ĝ‖² for η → 0, for any Hessian A:
    the stationary covariance S satisfies AS + SA = ηC, so that ½ tr AS = ¼ η tr C.

    Args:
        task: Task that provides the training data.
        prior_std: Smaller than the task's, so that the slowest direction converges in time.
        batch_size: Batch size; minibatches are drawn with replacement.
        chains: Independent runs, for the confidence interval.
        time: η·steps per run; the first third is discarded.
        seed: Random seed of the minibatches.
    """

    rates: ClassVar[tuple[float, ...]] = (0.0025, 0.005, 0.01, 0.02)
    task: str = "digits"
    prior_std: float = 0.1
    batch_size: int = 32
    chains: int = 16
    time: float = 40.0
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Fit the excess loss by sη + cη², and compare s with ¼ E‖ĝ‖²."""
        posterior = posterior_of(self.task, "softmax", self.prior_std)
        best = minimum(posterior)
        rows = torch.randperm(posterior.n, generator=Generator().manual_seed(self.seed))[:SAMPLE]
        predicted = float(gradient_noise(posterior, best, rows, self.batch_size).sum()) / 4
        say(f"at the minimum: ¼ E‖ĝ‖² = {predicted:.4f}")
        excess = {}
        for rate in self.rates:
            excess[rate] = self._excess(posterior, best, rate)
            say(f"η = {rate:g}: excess loss {excess[rate].mean():.5f}")
        # Weighted by 1/η: the excess and its standard error are proportional to η.
        per_rate = np.stack([excess[rate] / rate for rate in self.rates])
        curvatures, slopes = np.polyfit(self.rates, per_rate, 1)
        slope = seed_interval(slopes.tolist())
        first, second, *_ = self.rates
        ratio = seed_interval((excess[first] / excess[second]).tolist())
        numbers = {"predicted": predicted, "slope": slope.mean, "half": half_width(slope)}
        numbers |= {"ratio": ratio.mean, "half.ratio": half_width(ratio)}
        agrees = abs(slope.mean - predicted) < half_width(slope)
        text = (
            f"Softmax regression on {self.task} with batch size {self.batch_size}: the mean excess "
            f"loss over the minimum grows with the learning rate with slope {in_words(slope, 4)} "
            f"at η → 0, and the theoretical ¼ E‖ĝ‖² = {predicted:.4f} is "
            f"{'within' if agrees else 'outside'} this confidence interval. The excess at "
            f"η = {first:g} is {in_words(ratio)} times that at {second:g}."
        )
        return Finding(text, numbers, self._draw(out, excess, float(curvatures.mean()), numbers))

    def _excess(self, posterior: Posterior, best: Tensor, rate: float) -> Array:
        """Return each chain's mean excess loss over the minimum, shape (chains,)."""
        rng, start = Generator().manual_seed(self.seed), best.repeat(self.chains, 1)
        steps, every = round(self.time / rate), round(LOOK / rate)
        states = descend(mean_loss(posterior), optim.SGD, rate, self.batch_size, start, rng)
        potentials = [
            posterior.potential(theta)
            for step, theta in enumerate(islice(states, 1, steps + 1))
            if step * rate > self.time / 3 and step % every == 0
        ]
        least = posterior.potential(best)
        return ((torch.stack(potentials).mean(0) - least) / posterior.n).numpy()

    def _draw(
        self, out: Path, excess: dict[float, Array], curvature: float, numbers: dict[str, float]
    ) -> tuple[Path, ...]:
        slope, half, predicted = (numbers[key] for key in ("slope", "half", "predicted"))
        title = f"Slope of the loss: {slope:.3f} ± {half:.3f}; theory: ¼ E‖ĝ‖² = {predicted:.3f}"
        fig, (axes,) = figure.canvas(title, 1)
        x = np.linspace(0, 1.1 * self.rates[-1], 50)
        intervals = [seed_interval(each.tolist()) for each in excess.values()]
        figure.bars(axes, self.rates, intervals, f"SGD, {self.chains} chains")
        axes.plot(x, slope * x + curvature * x**2, color=figure.BLUE, label="fit sη + cη²")
        axes.plot(x, predicted * x, color=figure.VERMILION, linestyle="--", label="¼ E‖ĝ‖² η")
        axes.set(xlim=0, ylim=0)
        figure.describe(axes, "", "learning rate η", "mean excess loss (nats)", "upper left")
        columns = {"rate": self.rates, "excess": [i.mean for i in intervals]}
        columns |= {"half": [half_width(interval) for interval in intervals]}
        return figure.write(out, "loss-slope", fig, columns)
