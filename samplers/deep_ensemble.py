"""Deep ensembles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register
from bdlbench.optim import cosine, descend_
from bdlbench.settings import check_positive, check_range


@register("deep-ensemble")
@dataclass(frozen=True)
class DeepEnsemble:
    """Deep ensemble: θ ← θ − η·∇Û(θ)/N from multiple random initialisations, one draw each.

    Every member minimises U with cosine annealing of η and an equal share of the budget, so that
    the ensemble costs the same as other samplers. (In the paper each member has a full budget, and
    adversarial examples, which most implementations omit.)

    It is approximate: a set of MAP estimates, whose spread is not that of the posterior.

    Source: Lakshminarayanan et al. (2017), Simple and scalable predictive uncertainty estimation.

    Args:
        learning_rate: Initial η, for the mean loss U/N.
        batch_size: Minibatch size.
        momentum: μ, as for ``sgd``.
        members: Number of members; at most the number of draws.
    """

    target: ClassVar[str] = "approximate"
    learning_rate: float = 0.1
    batch_size: int = 128
    momentum: float = 0.0
    members: int = 5

    def __post_init__(self) -> None:
        check_positive(learning_rate=self.learning_rate, batch_size=self.batch_size)
        check_positive(members=self.members)
        check_range(0, 0.999, momentum=self.momentum)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Yield each member after its training."""
        members = min(self.members, problem.draws)
        for member in range(members):
            theta = problem.init(rng)
            velocity = torch.zeros_like(theta)
            until = (member + 1) / members
            for batch, _ in problem.steps(self.batch_size, rng, until=until):
                rate = self.learning_rate * cosine(problem.progress * members - member)
                gradient = problem.gradient(theta, batch)
                descend_(theta, gradient, rate / problem.n, self.momentum, velocity)
            yield theta
