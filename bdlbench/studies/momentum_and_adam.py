"""Momentum, RMSprop and Adam: what they sample, and how fast they train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import optim

from bdlbench.posterior import Posterior
from bdlbench.registry import register
from bdlbench.statistics import Interval, seed_interval
from bdlbench.studies import figure
from bdlbench.studies.preconditioning import (
    ROWS,
    InverseVariance,
    gradient_noise,
    regression,
    shape_divergence,
)
from bdlbench.studies.study import Finding, Say, half_width, in_words
from bdlbench.studies.target import posterior_of

BATCH = 10  # on the regression whose posterior is known
TRAINING_RATES = (1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3)


Make = Callable[..., optim.Optimizer]
MAKERS: dict[str, Make] = {
    "SGD": optim.SGD,
    "momentum": partial(optim.SGD, momentum=0.9),
    "RMSprop": optim.RMSprop,
    "Adam": optim.Adam,
    "σ⁻²": partial(InverseVariance, damping=0.01),
}


@register("momentum-and-adam")
@dataclass(frozen=True)
class MomentumAndAdam:
    """Compare the densities that optimizers sample at a constant rate, and how they train.

    Theory: SGD preconditioned by Σ⁻¹ (σ⁻²), Σ the gradient noise's covariance, has a Gibbs density.
    RMSprop and Adam divide by σ. First on a linear regression whose posterior is known: the
    divergence KL of the sampled Gaussian, scaled to the temperature of the posterior, from it.
    Then the training loss after a budget, each at the best of ten learning rates.

    Args:
        task: What is trained on.
        epochs: Budget of training.
        steps: On the known posterior; the first third is left out.
        chains: On the known posterior, in ten groups for the interval.
        seeds: Training runs; the rate is chosen on another one.
        seed: Of the first run.
    """

    task: str = "digits"
    epochs: int = 10
    steps: int = 6000
    chains: int = 100
    seeds: int = 5
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Rank the optimizers by divergence, and by training loss."""
        divergence, loss, rates = {}, {}, {}
        posterior = posterior_of(self.task)
        for name in MAKERS:
            divergence[name] = self._divergence(name)
            say(f"{name}: KL {in_words(divergence[name])}")
        for name in MAKERS:
            trials = {
                rate: self._train(posterior, name, rate, self.seed + 1000)
                for rate in TRAINING_RATES
            }
            rates[name] = min(trials, key=trials.__getitem__)
            runs = [
                self._train(posterior, name, rates[name], self.seed + k) for k in range(self.seeds)
            ]
            loss[name] = seed_interval(runs)
            say(f"{name}: loss {in_words(loss[name])} at rate {rates[name]:g}")
        numbers = {f"kl.{name}": interval.mean for name, interval in divergence.items()}
        numbers |= {f"half.{name}": half_width(interval) for name, interval in divergence.items()}
        numbers |= {f"loss.{name}": interval.mean for name, interval in loss.items()}
        nearest, *_ = sorted(MAKERS, key=lambda name: divergence[name].mean)
        fastest, *_ = sorted(MAKERS, key=lambda name: loss[name].mean)
        text = (
            f"On a known posterior the stationary density nearest to it is that of {nearest}: the "
            "divergence, in nats, is "
            + ", ".join(f"{in_words(i)} for {name}" for name, i in divergence.items())
            + f". On {self.task} {fastest} has the lowest training loss after "
            f"{self.epochs} epochs: "
            + ", ".join(f"{in_words(i)} for {name}" for name, i in loss.items())
            + f" ({self.seeds} seeds)."
        )
        for name, rate in rates.items():
            numbers[f"rate.{name}"] = rate
        title = f"Nearest to the posterior: {nearest}; lowest training loss: {fastest}"
        return Finding(text, numbers, self._draw(out, title, divergence, loss, rates))

    def _divergence(self, name: str) -> Interval:
        known, rng = regression(), torch.Generator().manual_seed(self.seed)
        precision = torch.linalg.inv(known.covariance)
        # The variance of ĝ; the rates bring T near 1 (it is, where exp(−2L/η) is exp(−NL)).
        noise = gradient_noise(known, BATCH)
        scale = {"SGD": noise.mean(), "momentum": 10 * noise.mean(), "σ⁻²": torch.ones(())}
        rate = 2 / ROWS / float(scale.get(name, noise.mean().sqrt()))
        theta = known.mean.float().repeat(self.chains, 1)
        # Theory's preconditioner is a constant; a running mean of ĝ² makes for leaps at the start.
        optimizer = (optim.SGD if name == "σ⁻²" else MAKERS[name])([theta], lr=rate)
        squares = []
        for step in range(self.steps):
            batch = torch.randint(ROWS, (self.chains, BATCH), generator=rng)
            gradient = known.posterior.gradient(theta, batch) / ROWS
            theta.grad = gradient / noise if name == "σ⁻²" else gradient
            optimizer.step()
            if step > self.steps // 3 and step % 10 == 0:
                error = theta.double() - known.mean
                squares.append(torch.einsum("ki,kj->kij", error, error))
        groups = torch.stack(squares).mean(0).view(10, -1, 4, 4).mean(1)
        return seed_interval([shape_divergence(group, precision) for group in groups])

    def _train(self, posterior: Posterior, name: str, rate: float, seed: int) -> float:
        rng = torch.Generator().manual_seed(seed)
        theta = posterior.network.init(1, rng)
        optimizer = MAKERS[name]([theta], lr=rate)
        for _ in range(self.epochs * posterior.n // 32):
            batch = torch.randint(posterior.n, (1, 32), generator=rng)
            theta.grad = posterior.gradient(theta, batch) / posterior.n
            optimizer.step()
        loss = float(posterior.potential(theta)) / posterior.n
        return loss if np.isfinite(loss) else float("inf")

    def _draw(
        self,
        out: Path,
        title: str,
        divergence: dict[str, Interval],
        loss: dict[str, Interval],
        rates: dict[str, float],
    ) -> tuple[Path, ...]:
        picture, (left, right) = figure.canvas(title)
        x = range(len(MAKERS))
        figure.bars(left, list(x), list(divergence.values()), "")
        figure.bars(right, list(x), list(loss.values()), "", figure.VERMILION)
        left.set_xticks(x, list(MAKERS))
        right.set_xticks(x, [f"{name}\nη = {rate:g}" for name, rate in rates.items()])
        left.set_ylim(bottom=0)
        right.set_ylim(bottom=0)
        figure.describe(left, "a known posterior", "", "KL of the density, T taken out (nats)")
        y = f"training loss after {self.epochs} epochs (nats)"
        figure.describe(right, f"training on {self.task}", "", y)
        columns: dict[str, Any] = {"optimizer": list(MAKERS), "rate": list(rates.values())}
        for key, intervals in (("kl", divergence), ("loss", loss)):
            columns[key] = [interval.mean for interval in intervals.values()]
            columns[f"{key}.half"] = [half_width(interval) for interval in intervals.values()]
        return figure.write(out, "momentum-and-adam", picture, columns)
