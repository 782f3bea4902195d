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
    """Cyclical SGLD: θ ← θ − (εₖ/2)·∇Û(θ) + N(0, εₖT), εₖ a cosine that restarts every cycle.

    The first part of a cycle explores, without noise; the rest samples, and only there are
    states kept, the same number in every cycle. The clock's own burn-in is not used.

    It is approximate: the cycles find modes by gradient descent, which does not visit them
    according to their mass, and a stage is too short to forget where exploration left off.

    Source: Zhang et al. (2020), Cyclical stochastic gradient MCMC, algorithm 1 and equation 1.

    Args:
        step_size: ε at the start of every cycle.
        batch_size: Training points in a minibatch.
        cycles: Number of cycles.
        exploration: Fraction of a cycle that explores.
        temperature: T, while sampling.
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
        theta, kept = problem.init(rng), 0
        for batch, _ in problem.steps(self.batch_size, rng):
            cycle, phase = divmod(problem.progress * self.cycles, 1)
            stage = (phase - self.exploration) / (1 - self.exploration)  # from 0 to 1 in sampling
            epsilon = self.step_size * cosine(phase)
            temperature = self.temperature if stage >= 0 else 0.0
            langevin_(theta, problem.gradient(theta, batch), epsilon, temperature, rng)
            # Draw j is due at j − ½ of the parts that all sampling stages together are cut into.
            if stage >= 0 and kept + 0.5 <= (cycle + stage) / self.cycles * problem.draws:
                kept += 1
                yield theta
        for _ in range(kept, problem.draws):  # fewer steps than draws: the last state stands again
            yield theta
