"""Stochastic gradient Hamiltonian Monte Carlo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor

from bdlbench import Problem, optim, register
from bdlbench.settings import check_positive, check_range


@register("sghmc")
@dataclass(frozen=True)
class SGHMC:
    """Stochastic gradient HMC: v ← μv − (ε/2)·∇Û(θ) + N(0, ε(1 − μ)T), θ ← θ + v.

    Targets exp(−U/T) up to O(ε) from discretisation and from the minibatch noise, by which the
    injected noise is not reduced. With μ = 0 it is SGLD; otherwise the chain moves about 1/(1 − μ)
    times as far in a step, and the effect of the minibatch noise is larger by the same factor.

    Source: Chen et al. (2014), Stochastic gradient Hamiltonian Monte Carlo, equation 15.

    Args:
        step_size: ε, constant; the paper's η is ε/2.
        batch_size: Minibatch size.
        momentum: μ; the paper's α is 1 − μ.
        temperature: T; 1 is the Bayes posterior.
    """

    target: ClassVar[str] = "exact"
    step_size: float = 1e-6
    batch_size: int = 128
    momentum: float = 0.9
    temperature: float = 1.0

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size, batch_size=self.batch_size)
        check_range(0, 0.999, momentum=self.momentum)
        check_range(0, float("inf"), temperature=self.temperature)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Yield states after burn-in, evenly thinned."""
        theta = problem.init(rng)
        optimizer = optim.SGHMC([theta], self.step_size, self.momentum, self.temperature, rng)
        for batch, keep in problem.steps(self.batch_size, rng):
            theta.grad = problem.gradient(theta, batch)
            optimizer.step()
            if keep:
                yield theta
