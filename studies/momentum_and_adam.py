"""Momentum, RMSprop and Adam: what they sample, and how fast they train."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import Generator

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.posterior.potential import Posterior
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import figure
from .descent import after, descend, mean_loss
from .intervals import all_in_words, columns, halves, in_words, means
from .preconditioning import OPTIMIZERS, divergence
from .target import posterior_of

BATCH = 32
TRIED_RATES = (1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3)


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
        posterior = posterior_of(self.task)
        kl: dict[str, Interval] = {}
        for name in OPTIMIZERS:
            kl[name] = divergence(name, self.steps, self.chains, self.seed)
            say(f"{name}: KL {in_words(kl[name])}")
        loss, rates = {}, {}
        for name in OPTIMIZERS:
            tried = {r: self._train(posterior, name, r, self.seed + 1000) for r in TRIED_RATES}
            rates[name] = min(tried, key=tried.__getitem__)
            seeds = range(self.seed, self.seed + self.seeds)
            loss[name] = seed_interval(
                [self._train(posterior, name, rates[name], seed) for seed in seeds]
            )
            say(f"{name}: loss {in_words(loss[name])} at rate {rates[name]:g}")
        numbers = means("kl", kl) | halves("half", kl) | means("loss", loss)
        numbers |= {f"rate.{name}": rate for name, rate in rates.items()}
        nearest = min(kl, key=lambda name: kl[name].mean)
        fastest = min(loss, key=lambda name: loss[name].mean)
        text = (
            f"On a known posterior the stationary density nearest to it is that of {nearest}: the "
            f"divergence, in nats, is {all_in_words(kl)}. On {self.task} {fastest} has the lowest "
            f"training loss after {self.epochs} epochs: {all_in_words(loss)} ({self.seeds} seeds)."
        )
        title = f"Nearest to the posterior: {nearest}; lowest training loss: {fastest}"
        return Finding(text, numbers, self._draw(out, title, kl, loss, rates))

    def _train(self, posterior: Posterior, name: str, rate: float, seed: int) -> float:
        rng = Generator().manual_seed(seed)
        start = posterior.network.init(1, rng)
        states = descend(mean_loss(posterior), OPTIMIZERS[name], rate, BATCH, start, rng)
        end = after(states, self.epochs * posterior.n // BATCH)
        loss = float(posterior.potential(end)) / posterior.n
        return loss if np.isfinite(loss) else float("inf")

    def _draw(
        self,
        out: Path,
        title: str,
        kl: dict[str, Interval],
        loss: dict[str, Interval],
        rates: dict[str, float],
    ) -> tuple[Path, ...]:
        picture, (left, right) = figure.canvas(title)
        x = range(len(OPTIMIZERS))
        figure.bars(left, x, list(kl.values()), "")
        figure.bars(right, x, list(loss.values()), "", figure.VERMILION)
        left.set_xticks(x, list(OPTIMIZERS))
        right.set_xticks(x, [f"{name}\nη = {rate:g}" for name, rate in rates.items()])
        left.set_ylim(bottom=0)
        right.set_ylim(bottom=0)
        figure.describe(left, "a known posterior", "", "KL of the density, T taken out (nats)")
        y = f"training loss after {self.epochs} epochs (nats)"
        figure.describe(right, f"training on {self.task}", "", y)
        table: dict[str, Any] = {"optimizer": list(OPTIMIZERS), "rate": rates.values()}
        table |= columns("kl", list(kl.values())) | columns("loss", list(loss.values()))
        return figure.write(out, "momentum-and-adam", picture, table)
