"""Stochastic gradient descent, preconditioned with the inverse covariance of its gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from bdlbench import Problem, register
from bdlbench.settings import check_positive, check_range

FIRST_WINDOW = 10  # steps
DIFFERENCE = 1e-2  # length of a step of the power iteration


@register("sgd-covariance")
@dataclass(frozen=True)
class SGDCovariance:
    """SGD with the inverse gradient covariance: θ ← θ − 2T·Σ⁻¹∇Û(θ), Σ the variance of ∇Û.

    No noise is injected: that of the minibatches takes its place. A step θ ← θ − ηΣ⁻¹∇Û has the
    drift −ηΣ⁻¹∇U and noise of variance η²Σ⁻¹ΣΣ⁻¹ = η²Σ⁻¹. Langevin dynamics with the
    preconditioner G = Σ⁻¹ has −(ε/2)G∇U and εTG: equal for ε = 2η and T = η/2. With **η = 2T** the
    stationary density is therefore exp(−U/T), provided that the noise is Gaussian and constant, Σ
    is diagonal, and B ≪ N: a step contracts by 2TB/N, and the bias is of that order.

    For this, minibatches are drawn independently (in a shuffled epoch their noise cancels); Σ is
    estimated from the two halves of each minibatch, in windows that double, the first without
    moving θ; and it is frozen halfway through burn-in. Σ is increased by `damping`·Tλ, where λ is
    the largest curvature, estimated by power iteration on gradient differences: without it steps
    would diverge where the gradient hardly varies, as for pixels that are always black. The
    temperature of such parameters is below T.

    It is approximate for all these reasons.

    Source: Mandt, Hoffman & Blei (2017), Stochastic gradient descent as approximate Bayesian
    inference, corollary 3.

    Args:
        batch_size: Minibatch size B, rounded down to an even number.
        temperature: T = η/2; 1 is the Bayes posterior.
        damping: Added to Σ, in units of Tλ; from 1 on, steps are stable on a quadratic U.
    """

    target: ClassVar[str] = "approximate"
    batch_size: int = 128
    temperature: float = 1.0
    damping: float = 1.5

    def __post_init__(self) -> None:
        check_range(2, float("inf"), batch_size=self.batch_size)
        check_positive(temperature=self.temperature, damping=self.damping)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Yield states after burn-in, evenly thinned."""
        theta, half = problem.init(rng), self.batch_size // 2
        damped, squares = torch.full_like(theta, torch.inf), torch.zeros_like(theta)
        direction, curvature = torch.ones_like(theta), theta.new_zeros(problem.chains, 1)
        count, window = 0, FIRST_WINDOW
        for step, (_, keep) in enumerate(problem.steps(2 * half, rng)):
            shape = (2, problem.chains, half)
            halves = torch.randint(problem.n, shape, generator=rng, device=rng.device)
            first, second = (problem.gradient(theta, batch) for batch in halves)
            if step < FIRST_WINDOW or problem.progress < problem.burn_in / 2:
                squares += ((first - second) / 2).square()
                shift = DIFFERENCE * F.normalize(direction)
                direction = (problem.gradient(theta + shift, halves[0]) - first) / DIFFERENCE
                curvature = torch.maximum(curvature, direction.norm(dim=1, keepdim=True))
                count += 1
                if count == window:
                    damped = squares / count + self.damping * self.temperature * curvature
                    squares, curvature = torch.zeros_like(squares), torch.zeros_like(curvature)
                    count, window = 0, 2 * window
            theta.addcdiv_(first + second, damped, value=-self.temperature)  # η × their mean
            if keep:
                yield theta
