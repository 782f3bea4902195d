"""Minimise U by quenching and by annealing, each until a budget is spent."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Generator, Tensor, optim

from bdlbench.optim import SGLD, cosine
from bdlbench.posterior.potential import Posterior
from bdlbench.problem import Budget, Problem

from .descent import after, descend, mean_loss
from .full_batch import descend_all

QUENCHED = 0.1  # the share of the budget over which a quench cools


def steady(done: float) -> float:
    """Return 1: how much of the budget is spent does not matter."""
    return 1.0


def cold(done: float) -> float:
    """Return 0, at any time."""
    return 0.0


def fast(done: float) -> float:
    """Fall along half a cosine within a tenth of the budget, to 0.01."""
    return cosine(min(1.0, done / QUENCHED)) * 0.99 + 0.01


def slow(done: float) -> float:
    """Fall along half a cosine over all of the budget."""
    return cosine(done)


def sawtooth(done: float) -> float:
    """Fall along half a cosine five times."""
    return cosine(5 * done % 1)


def exponential(done: float) -> float:
    """Fall exponentially to 5e-5."""
    return math.exp(-10 * done)


Fall = Callable[[float], float]
"""A factor, as a function of the share of the budget that is spent."""
FALLS: dict[str, tuple[Fall, Fall]] = {  # of the learning rate, and of the temperature
    "SGD, fast": (fast, cold),
    "SGD, slow": (slow, cold),
    "SGD, saw-tooth": (sawtooth, cold),
    "SGLD, annealed": (steady, exponential),
}
SCIPYS = {"L-BFGS": "L-BFGS-B", "conj. gradients": "CG"}  # names of the methods
ANNEALERS = ("SGD, slow", "SGD, saw-tooth", "SGLD, annealed")
METHODS = (*SCIPYS, "gradient descent", *FALLS)


@dataclass(frozen=True)
class Minimiser:
    """Minimise U of a posterior by any of METHODS.

    Args:
        posterior: Whose U is minimised.
        epochs: Budget, in gradients over all training data.
        learning_rate: The first η of SGD and gradient descent, for the mean loss U/n.
        batch_size: Points in a minibatch.
    """

    posterior: Posterior
    epochs: int
    learning_rate: float
    batch_size: int

    def minimise(self, method: str, seed: int) -> Tensor:
        """Return where a method ends, shape (1, dim); the start depends on the seed alone."""
        rng = Generator().manual_seed(seed)
        start = self.posterior.network.init(1, rng)
        if method in FALLS:
            return self._cool(start, *FALLS[method], rng)
        if method in SCIPYS:
            return descend_all(self.posterior, start, SCIPYS[method], self.epochs)
        loss = mean_loss(self.posterior)
        states = descend(loss, optim.SGD, self.learning_rate, None, start, rng)
        return after(states, self.epochs)

    def _cool(self, theta: Tensor, rate: Fall, temperature: Fall, rng: Generator) -> Tensor:
        problem = Problem(self.posterior, Budget(self.epochs, draws=1))
        step_size = 2 * self.learning_rate / self.posterior.n  # of the samplers' convention
        optimizer = SGLD([theta], step_size, generator=rng)
        for batch, _ in problem.steps(self.batch_size, rng):
            done = problem.progress
            now = {"lr": step_size * rate(done), "temperature": temperature(done)}
            optimizer.param_groups[0].update(now)
            theta.grad = problem.gradient(theta, batch)
            optimizer.step()
        return theta
