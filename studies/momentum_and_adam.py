"""Momentum, RMSprop and Adam: what they sample, and how fast they train."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor, optim

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.posterior import exact
from bdlbench.posterior.potential import Posterior
from bdlbench.registry import register
from bdlbench.study import Finding, Say

from . import figure
from .descent import Loss, after, descend, gradient_noise, mean_loss
from .intervals import all_in_words, columns, halves, in_words, means
from .target import posterior_of

ROWS = 1000  # of the regression whose posterior is known
SCALES = (1.0, 1.7, 3.0, 5.0)  # of its features
FEW = 10  # points in its minibatches
GROUPS = 10  # of chains, for the interval
BATCH = 32
TRIED_RATES = (1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3)


class InverseVariance(optim.Optimizer):
    """Step by −η·ĝ/(V + δ), V a running mean of ĝ² (the theory's σ⁻²; RMSprop divides by √V)."""

    def __init__(self, params: Iterable[Tensor], lr: float, damping: float) -> None:
        super().__init__(params, {"lr": lr, "damping": damping})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step; δ is `damping` times the largest V."""
        for group in self.param_groups:
            for p in group["params"]:
                v = self.state[p].setdefault("V", p.grad.square())
                v.mul_(0.99).addcmul_(p.grad, p.grad, value=0.01)
                scale = v + group["damping"] * v.max() + torch.finfo(v.dtype).tiny
                p.addcdiv_(p.grad, scale, value=-group["lr"])


OPTIMIZERS: dict[str, Callable[..., optim.Optimizer]] = {
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
        posterior = posterior_of(self.task)
        kl: dict[str, Interval] = {}
        for name in OPTIMIZERS:
            kl[name] = self._divergence(name)
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

    def _divergence(self, name: str) -> Interval:
        """Return the `shape_divergence` of an optimizer's density from the known posterior."""
        known = regression()
        start, loss = known.mean.float()[None], mean_loss(known.posterior)
        noise = gradient_noise(known.posterior, start, torch.arange(ROWS), FEW)
        # The rates bring T near 1 (it is, where exp(−2L/η) is exp(−NL)).
        scale = {"SGD": noise.mean(), "momentum": 10 * noise.mean(), "σ⁻²": torch.ones(())}
        rate = 2 / ROWS / float(scale.get(name, noise.mean().sqrt()))
        optimizer = OPTIMIZERS[name]
        if name == "σ⁻²":
            # Theory's preconditioner is a constant; a running mean of ĝ² leaps at the start.
            slope, optimizer = loss.gradient, optim.SGD
            loss = Loss(lambda theta, batch: slope(theta, batch) / noise, loss.n)
        rng = Generator().manual_seed(self.seed)
        states = descend(loss, optimizer, rate, FEW, start.repeat(self.chains, 1), rng)
        squares = []
        for step, theta in enumerate(islice(states, 1, self.steps + 1)):
            if step > self.steps // 3 and step % 10 == 0:
                error = theta.double() - known.mean
                squares.append(torch.einsum("ki,kj->kij", error, error))
        groups = torch.stack(squares).mean(0).view(GROUPS, -1, len(SCALES), len(SCALES)).mean(1)
        precision = torch.linalg.inv(known.covariance)
        return seed_interval([shape_divergence(group, precision) for group in groups])

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


def regression() -> exact.ExactPosterior:
    """Return the posterior of a linear regression on features of unlike scales, of noise 1."""
    rng = torch.Generator().manual_seed(4)
    x = torch.randn(ROWS, len(SCALES), generator=rng) * torch.tensor(SCALES)
    y = x.sum(1) + torch.randn(ROWS, generator=rng)
    return exact.conjugate(x, y, 1.0, 10.0)


def shape_divergence(covariance: Tensor, precision: Tensor) -> float:
    """Return KL(N(0, S/T) ‖ N(0, P⁻¹)) in nats, with T = tr(PS)/dim taken out of S."""
    product = precision @ covariance
    scaled = product * len(product) / product.trace()
    return float(-0.5 * torch.linalg.slogdet(scaled).logabsdet)
