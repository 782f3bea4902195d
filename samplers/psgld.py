"""Preconditioned stochastic gradient Langevin dynamics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor

from bdlbench import Problem, optim, register
from bdlbench.settings import check_positive, check_range


@register("psgld")
@dataclass(frozen=True)
class PSGLD:
    """Preconditioned SGLD: θ ← θ − (ε/2)·G∇Û(θ) + N(0, εTG), G = 1/(λ + √V).

    V is RMSprop's moving average of squared gradients. It is frozen halfway through burn-in: G is
    then constant, the term Γ = ∂G/∂θ is 0, and the target is exp(−U/T) up to O(ε). With
    ``freeze=False`` V is always updated and Γ omitted, as in the paper's experiments: the samples
    are from another density, the more so the smaller ε is.

    √V and then G are divided by their largest elements: G lies between λ/(1 + λ) and 1, every ε
    that is stable for SGLD is stable here, and no direction is slower by more than 1 + 1/λ.

    Source: Li et al. (2016), Preconditioned SGLD for deep neural networks, algorithm 1.

    Args:
        step_size: Initial ε.
        batch_size: Minibatch size.
        temperature: T; 1 is the Bayes posterior.
        alpha: Decay rate of V.
        damping: λ, relative to the largest √V.
        freeze: Whether V is frozen halfway through burn-in.
        decay: Final ε as a fraction of the initial one, as for SGLD.
    """

    target: ClassVar[str] = "exact"
    step_size: float = 1e-5
    batch_size: int = 128
    temperature: float = 1.0
    alpha: float = 0.99
    damping: float = 0.3
    freeze: bool = True
    decay: float = 1.0

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size, batch_size=self.batch_size)
        check_positive(damping=self.damping, decay=self.decay)
        check_range(0, 1, decay=self.decay)
        check_range(0, float("inf"), temperature=self.temperature)
        check_range(0, 0.99999, alpha=self.alpha)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Yield states after burn-in, evenly thinned."""
        theta = problem.init(rng)
        optimizer = optim.PSGLD(
            [theta],
            self.step_size,
            self.temperature,
            self.alpha,
            self.damping,
            chains=True,
            generator=rng,
        )
        for batch, keep in problem.steps(self.batch_size, rng):
            if self.freeze and problem.progress >= problem.burn_in / 2:
                optimizer.freeze()
            optimizer.param_groups[0]["lr"] = self.step_size * self.decay**problem.progress
            theta.grad = problem.gradient(theta, batch)
            optimizer.step()
            if keep:
                yield theta
