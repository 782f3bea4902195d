"""A problem that watches a sampler."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bdlbench.errors import BdlbenchError
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem

if TYPE_CHECKING:
    from bdlbench.posterior.to_jax import JaxPotential

ENDLESS = 3  # multiple of the budget, or of the draws, at which a sampler is stopped
CALLS = 40  # multiple of the planned steps' gradients at which a sampler is stopped


class Trial(Problem):
    """A problem that stops samplers that far exceed the budget, and notes what they do.

    Args:
        posterior: The posterior.
        budget: The budget.
        chains: Number of chains.
        start: Draws initial states; by default those of the network.
        calls: Most evaluations of U or ∇U, each of any size.
        counts: Whether to count the evaluations in JAX, for which samplers charge themselves.

    Raises:
        BdlbenchError: In the sampler, once it exceeds the budget or the number of evaluations.
    """

    def __init__(
        self,
        posterior: Posterior,
        budget: Budget,
        chains: int = 1,
        start: Callable[[int, torch.Generator], Tensor] | None = None,
        calls: float = math.inf,
        counts: bool = False,
    ) -> None:
        super().__init__(posterior, budget, chains, self._stop, start)
        self._most, self._calls, self._limit = ENDLESS * budget.epochs, 0, calls
        self._counts = counts
        self.evaluated = 0
        """Evaluations of single training points in JAX, if they are counted."""
        self.batch_sizes: set[int] = set()
        self.uses_potential = False
        self.potential_of_minibatch = False

    def gradient(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Count the call."""
        self._count(batch)
        return super().gradient(theta, batch)

    def potential(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Count the call."""
        self._count(batch)
        self.uses_potential = True
        self.potential_of_minibatch |= batch is not None and batch.shape[-1] < self.n
        return super().potential(theta, batch)

    def to_jax(self) -> JaxPotential:
        """Note that it has U in JAX, and count the evaluations if asked."""
        self.uses_potential = True
        potential = super().to_jax()
        if self._counts:
            from bdlbench.checks.counted import CountedPotential  # JAX takes long to import

            return CountedPotential(potential, self._count_in_jax)
        return potential

    def _count_in_jax(self, evaluations: int) -> None:
        self.evaluated += evaluations * self.n

    def steps(
        self, batch_size: int | None, rng: torch.Generator, until: float = 1.0
    ) -> Iterator[tuple[Tensor | None, bool]]:
        """Note the batch size."""
        self.batch_sizes.add(batch_size or self.n)
        return super().steps(batch_size, rng, until)

    def _count(self, batch: Tensor | None) -> None:
        self.batch_sizes.add(self.n if batch is None else batch.shape[-1])
        self._calls += 1
        if self._calls > self._limit:
            raise BdlbenchError(
                f"expected about {self._limit / CALLS:.0f} gradients, got {self._calls}: its "
                f"minibatches of {min(self.batch_sizes)} of {self.n} points are no batch_size"
            )

    def _stop(self, progress: float) -> None:
        if self.epochs > self._most:
            raise BdlbenchError(
                f"expected at most {self._most / ENDLESS:g} epochs, got {self.epochs:g} or more: "
                "loop over problem.steps, or check problem.remaining"
            )
