"""The optimizers that are compared, and the density that each samples at a constant rate."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import islice
from typing import Any

import torch
from torch import Generator, Tensor, optim

from bdlbench.metrics.statistics import Interval, seed_interval
from bdlbench.posterior import exact

from .descent import Loss, descend, gradient_noise, mean_loss

ROWS = 1000  # of the regression whose posterior is known
SCALES = (1.0, 1.7, 3.0, 5.0)  # of its features
BATCH = 10
GROUPS = 10  # of chains, for the interval


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


def divergence(name: str, steps: int, chains: int, seed: int) -> Interval:
    """Return the `shape_divergence` of an optimizer's stationary density from the posterior.

    Args:
        name: Of one of OPTIMIZERS.
        steps: Of every chain; the first third is left out.
        chains: Independent ones, in ten groups for the interval.
        seed: Of the minibatches.
    """
    known = regression()
    start, loss = known.mean.float()[None], mean_loss(known.posterior)
    noise = gradient_noise(known.posterior, start, torch.arange(ROWS), BATCH)
    # The rates bring T near 1 (it is, where exp(−2L/η) is exp(−NL)).
    scale = {"SGD": noise.mean(), "momentum": 10 * noise.mean(), "σ⁻²": torch.ones(())}
    rate = 2 / ROWS / float(scale.get(name, noise.mean().sqrt()))
    optimizer = OPTIMIZERS[name]
    if name == "σ⁻²":
        # Theory's preconditioner is a constant; a running mean of ĝ² makes for leaps at the start.
        slope, optimizer = loss.gradient, optim.SGD
        loss = Loss(lambda theta, batch: slope(theta, batch) / noise, loss.n)
    rng = Generator().manual_seed(seed)
    states = descend(loss, optimizer, rate, BATCH, start.repeat(chains, 1), rng)
    squares = []
    for step, theta in enumerate(islice(states, 1, steps + 1)):
        if step > steps // 3 and step % 10 == 0:
            error = theta.double() - known.mean
            squares.append(torch.einsum("ki,kj->kij", error, error))
    groups = torch.stack(squares).mean(0).view(GROUPS, -1, len(SCALES), len(SCALES)).mean(1)
    precision = torch.linalg.inv(known.covariance)
    return seed_interval([shape_divergence(group, precision) for group in groups])
