"""A preconditioner that theory asks for, and a posterior to hold its density against."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, optim

from bdlbench import exact

ROWS = 1000  # of the regression whose posterior is known
SCALES = (1.0, 1.7, 3.0, 5.0)  # of its features


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


def gradient_noise(known: exact.ExactPosterior, batch_size: int) -> Tensor:
    """Return the variance of a minibatch's ∇Û/N at the posterior's mean, shape (dim,)."""
    single = known.posterior.gradient(
        known.mean.float().repeat(ROWS, 1), torch.arange(ROWS)[:, None]
    )
    return (single / ROWS).var(0) / batch_size
