"""Cyclical stochastic gradient Langevin dynamics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from torch import Generator, Tensor

from bdlbench import Problem, register
from bdlbench.optim import cosine, langevin_
from bdlbench.settings import check_positive, check_range


@register("csgld")
@dataclass(frozen=True)
class CyclicalSGLD:
    """Cyclical SGLD: θ ← θ − (εₖ/2)·∇Û(θ) + N(0, εₖT), with cosine cycles of εₖ.

    The exploration stage of a cycle has no noise; the draws are from the sampling stages, the same
    number from each. The burn-in of the budget is not used.

    It is approximate: gradient descent does not find modes in proportion to their mass, and a
    sampling stage is too short to become independent of the state after exploration.

    Source: Zhang et al. (2020), Cyclical stochastic gradient MCMC, algorithm 1 and equation 1.

    Args:
        step_size: ε at the start of every cycle.
        batch_size: Minibatch size.
        cycles: Number of cycles.
        exploration: Fraction of a cycle for exploration.
        temperature: T of the sampling stages.
    """

    target: ClassVar[str] = "approximate"
    step_size: float = 1e-5
    batch_size: int = 128
    cycles: int = 4
    exploration: float = 0.75
    temperature: float = 1.0

    def __post_init__(self) -> None:
        check_positive(step_size=self.step_size, batch_size=self.batch_size, cycles=self.cycles)
        check_range(0, 0.99, exploration=self.exploration)
        check_range(0, float("inf"), temperature=self.temperature)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Yield states of the sampling stages, evenly spaced."""
        theta, drawn = problem.init(rng), 0
        for batch, _ in problem.steps(self.batch_size, rng):
            cycle, phase = divmod(problem.progress * self.cycles, 1)
            stage = (phase - self.exploration) / (1 - self.exploration)  # 0 to 1 while sampling
            epsilon = self.step_size * cosine(phase)
            temperature = self.temperature if stage >= 0 else 0.0
            langevin_(theta, problem.gradient(theta, batch), epsilon, temperature, rng)
            # Draws are due at the midpoints of equal parts of the concatenated sampling stages.
            if stage >= 0 and drawn + 0.5 <= (cycle + stage) / self.cycles * problem.draws:
                drawn += 1
                yield theta
        for _ in range(drawn, problem.draws):  # fewer steps than draws: repeat the last state
            yield theta
