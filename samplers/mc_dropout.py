"""Monte Carlo dropout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from bdlbench import Problem, register
from bdlbench.optim import cosine
from bdlbench.settings import check_positive, check_range


@register("mc-dropout")
@dataclass(frozen=True)
class MCDropout:
    """Monte Carlo dropout: θ ← θ − η·m⊙∇Û(m⊙θ)/N, with a new mask m at every step.

    A hidden unit is dropped by masking its outgoing weights, so that the draws m⊙θ are a
    distribution over weights: m is 0 with probability p, else 1/(1 − p), the same for all weights
    of a unit; in convolutions a unit is a feature map. Every layer that reads a unit has its own
    mask. Inputs, biases and embeddings are not dropped: without a hidden layer all draws are the
    same point estimate. Training minimises the mean of U(m⊙θ)
    over masks, the paper's variational objective, with cosine annealing of η.

    It is approximate: the variational family consists of two-point distributions.

    Source: Gal & Ghahramani (2016), Dropout as a Bayesian approximation.

    Args:
        learning_rate: Initial η, for the mean loss U/N.
        batch_size: Minibatch size.
        dropout: p, the probability that a hidden unit is dropped.
    """

    target: ClassVar[str] = "approximate"
    learning_rate: float = 0.1
    batch_size: int = 128
    dropout: float = 0.2

    def __post_init__(self) -> None:
        check_positive(learning_rate=self.learning_rate, batch_size=self.batch_size)
        check_range(0, 0.99, dropout=self.dropout)

    def sample(self, problem: Problem, rng: Generator) -> Iterator[Tensor]:
        """Train with dropout, then yield randomly masked copies of the last state."""
        theta = problem.init(rng)
        mask, sites = torch.ones_like(theta), problem.dropout_sites()
        for batch, _ in problem.steps(self.batch_size, rng):
            rate = self.learning_rate * cosine(problem.progress) / problem.n
            self._drop(problem.unflatten(mask), sites, rng)
            gradient = problem.gradient(mask * theta, batch)
            theta.addcmul_(mask, gradient, value=-rate)
        for _ in range(problem.draws):
            self._drop(problem.unflatten(mask), sites, rng)
            yield mask * theta

    def _drop(self, masks: dict[str, Tensor], sites: dict[str, int], rng: Generator) -> None:
        """Draw a new mask in place; weights have shape (chains, units out, units in, …)."""
        for name, groups in sites.items():
            view = masks[name].unflatten(1, (groups, -1))
            chains, _, _, units, *rest = view.shape
            shape = (chains, groups, 1, units, *[1] * len(rest))
            kept = torch.rand(shape, generator=rng, device=rng.device)
            view.copy_((kept >= self.dropout) / (1 - self.dropout))
