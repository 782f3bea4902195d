"""Stochastic gradient Langevin dynamics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor

from bdlbench import Problem, register
from bdlbench.optim import langevin_
from bdlbench.settings import check_positive, check_range


@register("sgld")
@dataclass(frozen=True)
class SGLD:
    """Stochastic gradient Langevin dynamics: θ ← θ − (ε/2)·∇Û(θ) + N(0, εT).

    Targets exp(−U/T) up to O(ε) from discretisation and from the minibatch noise.

    Source: Welling & Teh (2011), Bayesian learning via stochastic gradient Langevin dynamics.

    Args:
        step_size: Initial ε.
        batch_size: Minibatch size.
        temperature: T; 1 is the Bayes posterior.
        decay: Final ε as a fraction of the initial one; 1 is a constant ε. The decay is
            exponential; it reduces the bias, and how far the chain moves.
    """

    target: ClassVar[str] = "exact"
    step_size: float = 3e-6
    batch_size: int = 128
    temperature: float = 1.0
    decay: float = 1.0

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size, batch_size=self.batch_size, decay=self.decay)
        check_range(0, 1, decay=self.decay)
        check_range(0, float("inf"), temperature=self.temperature)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Yield states after burn-in, evenly thinned."""
        theta = problem.init(rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            epsilon = self.step_size * self.decay**problem.progress
            langevin_(theta, problem.gradient(theta, batch), epsilon, self.temperature, rng)
            if keep:
                yield theta
