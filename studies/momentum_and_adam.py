"""Momentum, RMSprop and Adam: stationary densities, and training speed."""

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
from .intervals import columns, halves, in_words, means
from .target import posterior_of

ROWS = 1000  # data points of the regression
SCALES = (1.0, 1.7, 3.0, 5.0)  # of its features
FEW = 10  # its batch size
GROUPS = 10  # of chains, for the confidence interval
BATCH = 32
TRIED_RATES = (1e-6, 1e-5, 1e-4, 3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3)
Intervals = dict[str, Interval]


class InverseVariance(optim.Optimizer):
    """Step by −η·ĝ/(V + δ), V a running mean of ĝ² (σ⁻² in theory; RMSprop divides by √V)."""

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
    """Compare the stationary densities of optimizers with the posterior, and their training loss.

    Theory: SGD preconditioned by Σ⁻¹ (σ⁻²), Σ the covariance of the gradient noise, has a Gibbs
    density; RMSprop and Adam divide by σ. Measured are the KL divergence of the sampled Gaussian,
    scaled to T = 1, from the exact posterior of a linear regression, and the training loss on a
    task, for each optimizer at the best of ten learning rates.

    Args:
        task: Task to train on.
        epochs: Epochs of training.
        steps: Steps on the regression; the first third is discarded.
        chains: Chains on the regression, in ten groups for the confidence interval.
        seeds: Training runs; the learning rate is tuned on another seed.
        seed: Random seed of the first run.
    """

    task: str = "digits"
    epochs: int = 10
    steps: int = 6000
    chains: int = 100
    seeds: int = 5
    seed: int = 0

    def run(self, out: Path, say: Say) -> Finding:
        """Compare the optimizers by KL divergence, and by training loss."""
        posterior = posterior_of(self.task)
        seeds = range(self.seed, self.seed + self.seeds)
        kl, loss, rates = {}, {}, {}
        for name in OPTIMIZERS:
            kl[name] = self._divergence(name)
            tried = {r: self._train(posterior, name, r, self.seed + 1000) for r in TRIED_RATES}
            rates[name] = min(tried, key=tried.__getitem__)
            losses = [self._train(posterior, name, rates[name], seed) for seed in seeds]
            loss[name] = seed_interval(losses)
            say(f"{name}: KL {in_words(kl[name])}, loss {in_words(loss[name])}")
        numbers = means("kl", kl) | halves("half", kl) | means("loss", loss)
        numbers |= {f"rate.{name}": rate for name, rate in rates.items()}
        closest = min(kl, key=lambda name: kl[name].mean)
        fastest = min(loss, key=lambda name: loss[name].mean)
        divergences = ", ".join(f"{in_words(each)} for {name}" for name, each in kl.items())
        training = ", ".join(f"{in_words(each)} for {name}" for name, each in loss.items())
        text = (
            f"On an exactly known posterior the closest stationary density is that of {closest}: "
            f"the KL divergence, in nats, is {divergences}. On {self.task} {fastest} has the "
            f"lowest training loss after {self.epochs} epochs: {training} ({self.seeds} seeds)."
        )
        title = f"Closest to the posterior: {closest}; lowest training loss: {fastest}"
        return Finding(text, numbers, self._draw(out, title, kl, loss, rates))

    def _divergence(self, name: str) -> Interval:
        """Return the `shape_divergence` of an optimizer's density from the exact posterior."""
        known = regression()
        start, loss = known.mean.float()[None], mean_loss(known.posterior)
        noise = gradient_noise(known.posterior, start, torch.arange(ROWS), FEW)
        # Learning rates for T ≈ 1, where exp(−2L/η) = exp(−NL).
        scale = {"SGD": noise.mean(), "momentum": 10 * noise.mean(), "σ⁻²": torch.ones(())}
        rate = 2 / ROWS / float(scale.get(name, noise.mean().sqrt()))
        optimizer = OPTIMIZERS[name]
        if name == "σ⁻²":
            # In theory the preconditioner is constant; a running mean of ĝ² is unstable at first.
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
        self, out: Path, title: str, kl: Intervals, loss: Intervals, rates: dict[str, float]
    ) -> tuple[Path, ...]:
        fig, (left, right) = figure.canvas(title)
        x = range(len(OPTIMIZERS))
        figure.bars(left, x, list(kl.values()), "")
        figure.bars(right, x, list(loss.values()), "", figure.VERMILION)
        left.set_xticks(x, list(OPTIMIZERS))
        right.set_xticks(x, [f"{name}\nη = {rate:g}" for name, rate in rates.items()])
        left.set_ylim(bottom=0)
        right.set_ylim(bottom=0)
        figure.describe(left, "linear regression", "", "KL divergence from the posterior (nats)")
        y = f"training loss after {self.epochs} epochs (nats)"
        figure.describe(right, f"training on {self.task}", "", y)
        table: dict[str, Any] = {"optimizer": list(OPTIMIZERS), "rate": rates.values()}
        table |= columns("kl", list(kl.values())) | columns("loss", list(loss.values()))
        return figure.write(out, "momentum-and-adam", fig, table)


def regression() -> exact.ExactPosterior:
    """Return the posterior of a linear regression with features of different scales."""
    rng = torch.Generator().manual_seed(4)
    x = torch.randn(ROWS, len(SCALES), generator=rng) * torch.tensor(SCALES)
    y = x.sum(1) + torch.randn(ROWS, generator=rng)
    return exact.conjugate(x, y, 1.0, 10.0)


def shape_divergence(covariance: Tensor, precision: Tensor) -> float:
    """Return KL(N(0, S/T) ‖ N(0, P⁻¹)) in nats, where T = tr(PS)/dim."""
    product = precision @ covariance
    scaled = product * len(product) / product.trace()
    return float(-0.5 * torch.linalg.slogdet(scaled).logabsdet)
