"""The problem given to a sampler: a posterior, and a budget of gradient evaluations."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from bdlbench.errors import BdlbenchError, Diverged
from bdlbench.posterior.minibatches import shuffled
from bdlbench.posterior.potential import Posterior

if TYPE_CHECKING:
    from bdlbench.posterior.to_jax import JaxPotential

CHECK_EVERY = 50  # gradients between checks for non-finite values, which wait for the device


@dataclass(frozen=True)
class Budget:
    """Budget and number of draws of a run.

    Args:
        epochs: Gradient evaluations on single training points, summed over all chains, divided by
            the number of training points.
        draws: Draws per chain.
        burn_in: Fraction of the budget before the first draw.
    """

    epochs: float
    draws: int
    burn_in: float = 0.5

    def __post_init__(self) -> None:
        # Names of runs are derived from the budget: 200 and 200.0 must give the same name.
        object.__setattr__(self, "epochs", float(self.epochs))
        if not 0 < self.epochs < math.inf:
            raise ValueError(f"expected finite epochs > 0, got {self.epochs}")
        if not self.draws > 0:
            raise ValueError(f"expected draws > 0, got {self.draws}")
        if not 0 <= self.burn_in < 1:
            raise ValueError(f"expected burn_in in [0, 1), got {self.burn_in}")


class Problem:
    """A posterior to sample within a budget; it counts the gradient evaluations.

    It holds training data only. θ is a float32 tensor of shape (chains, dim) throughout.

    Args:
        posterior: The model, prior and training data.
        budget: Number of epochs and draws.
        chains: Number of parallel chains.
        on_progress: Called with the fraction of the budget used after every charge.
        start: Draws initial states, shape (chains, dim); by default `Network.init`.
    """

    def __init__(
        self,
        posterior: Posterior,
        budget: Budget,
        chains: int = 1,
        on_progress: Callable[[float], None] = lambda fraction: None,
        start: Callable[[int, torch.Generator], Tensor] | None = None,
    ) -> None:
        self._posterior = posterior
        self._budget = budget
        self._on_progress = on_progress
        self._start = start or posterior.network.init
        self._allowed = round(budget.epochs * posterior.n)
        self._spent = 0
        self._kept = 0
        self._gradients = 0
        self.chains = chains

    @property
    def posterior(self) -> Posterior:
        """Model, likelihood, prior and data; report what it evaluates to `charge`."""
        return self._posterior

    @property
    def n(self) -> int:
        """Number of training points."""
        return self._posterior.n

    @property
    def dim(self) -> int:
        """Number of parameters."""
        return self._posterior.network.dim

    @property
    def prior_std(self) -> float:
        """Standard deviation of the prior on every parameter."""
        return self._posterior.prior_std

    @property
    def draws(self) -> int:
        """Number of draws to yield."""
        return self._budget.draws

    @property
    def burn_in(self) -> float:
        """Fraction of the budget before the first draw; for schedules."""
        return self._budget.burn_in

    @property
    def progress(self) -> float:
        """Fraction of the budget used, in [0, 1]; for schedules."""
        return min(1.0, self._spent / self._allowed)

    @property
    def epochs(self) -> float:
        """Epochs used: evaluations on single training points, divided by `n`."""
        return self._spent / self.n

    @property
    def remaining(self) -> int:
        """Remaining evaluations on single training points, over all chains; for planning."""
        return max(0, self._allowed - self._spent)

    def init(self, rng: torch.Generator) -> Tensor:
        """Draw an initial state for each chain, shape (chains, dim)."""
        return self._start(self.chains, rng)

    def unflatten(self, theta: Tensor) -> dict[str, Tensor]:
        """Return views of θ as named tensors of shape (chains, *shape), layer by layer."""
        return self._posterior.network.unflatten(theta)

    def dropout_sites(self) -> dict[str, int]:
        """Return the weights whose inputs are hidden units, for dropout: groups by name.

        Raises:
            BdlbenchError: The hidden units of the model cannot be found.
        """
        from bdlbench.posterior.sites import dropout_sites  # used by one sampler

        return dropout_sites(self._posterior.network, self._posterior.x)

    def gradient(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return ∇U(θ), or its unbiased minibatch estimate, shape (chains, dim), and charge it.

        Args:
            theta: Parameters, shape (chains, dim).
            batch: Indices from `steps`, or None for all the training data.

        Raises:
            Diverged: The gradient is not finite (checked every 50 gradients).
        """
        self._charge_batch(theta, batch)
        gradient = self._posterior.gradient(theta, batch)
        if self._gradients % CHECK_EVERY == 0 and not _all_finite(gradient):
            raise Diverged(f"∇U is not finite after {self.epochs:.3g} epochs")
        self._gradients += 1
        return gradient

    def potential(self, theta: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return U(θ) or its minibatch estimate, shape (chains,), float64; charged like ∇U.

        It has no gradient: a θ that requires one raises a BdlbenchError.
        """
        if theta.requires_grad and torch.is_grad_enabled():
            raise BdlbenchError(
                "problem.potential cannot be differentiated: use problem.gradient, problem.hvp or "
                "adapters.torch_potential(problem)"
            )
        self._charge_batch(theta, batch)
        return self._posterior.potential(theta, batch)

    def hvp(self, theta: Tensor, v: Tensor, batch: Tensor | None = None) -> Tensor:
        """Return ∇²U(θ)·v or its minibatch estimate, shape (chains, dim); charged as two ∇U."""
        from bdlbench.posterior.curvature import hvp  # few samplers use it

        self._charge_batch(theta, batch, gradients=2)
        return hvp(self._posterior, theta, v, batch)

    def module(self, theta: Tensor, x: Tensor) -> Tensor:
        """Return the model's outputs, (chains, n, outputs), differentiable in θ and x.

        A forward pass on n inputs is charged like ∇U on n training points. The inputs are of shape
        (n, …), for all chains, or (chains, n, …).
        """
        if x.dim() == self._posterior.x.dim():
            x = x.expand(len(theta), *x.shape)
        self.charge(len(theta) * x.shape[1])
        network = self._posterior.network
        return network(network.unflatten(theta), x)

    def to_jax(self) -> JaxPotential:
        """Return U(θ) as a JAX function of θ (dim,); its cost must be reported to `charge`.

        A model or likelihood without a translation to JAX is called in torch, which takes longer;
        call the function's `check` after compiled programs, to raise the model's exceptions.

        Raises:
            BdlbenchError: The data are on a GPU that JAX does not find.
        """
        from bdlbench.posterior.to_jax import to_jax  # JAX takes long to import

        return to_jax(self._posterior)

    def charge(self, evaluations: int) -> None:
        """Charge evaluations on single training points that were made outside of `gradient`."""
        if evaluations < 0:
            raise ValueError(f"expected evaluations >= 0, got {evaluations}")
        self._spent += evaluations
        self._on_progress(self.progress)

    def steps(
        self, batch_size: int | None, rng: torch.Generator, until: float = 1.0
    ) -> Iterator[tuple[Tensor | None, bool]]:
        """Yield minibatches until the budget is used, and whether to yield a draw after each step.

        Every chain passes through the data in its own random order, reshuffled in every epoch. A
        step costs what the sampler is charged during it, at least one minibatch. Draws are evenly
        spaced after burn-in, the last one after the last step.

        Args:
            batch_size: Training points per step and chain, or None for all data at every step.
            rng: Source of the shuffling.
            until: Progress at which to stop, for samplers with several phases.

        Yields:
            Indices of shape (chains, batch_size) for `gradient` (None for all data), and whether
            the state after this step is a draw.

        Raises:
            ValueError: The batch size is not in 1…n, or the budget is too small for the draws.
        """
        size = self._check_batch_size(batch_size)
        batches = shuffled(self.n, self.chains, batch_size, rng)
        cost = least = size * self.chains
        limit = round(until * self._allowed)
        while self._spent + cost <= limit:
            before, steps_left = self._spent, (self._allowed - self._spent) // cost
            keep = self._is_due(before + cost, before + steps_left * cost, steps_left)
            self._kept += keep
            yield next(batches), keep
            cost = max(self._spent - before, least)
            self._spent = before + cost
            self._on_progress(self.progress)

    def _is_due(self, now: int, end: int, steps_left: int) -> bool:
        """Return whether the next draw is due at cost `now`, if the last step ends at `end`.

        In integers, so that no draw is lost to rounding.
        """
        missing = self.draws - self._kept
        burn_in = round(self._budget.burn_in * end)
        on_grid = (now - burn_in) * self.draws >= (end - burn_in) * (self._kept + 1)
        return missing > 0 and (on_grid or steps_left <= missing)

    def _check_batch_size(self, batch_size: int | None) -> int:
        size = self.n if batch_size is None else batch_size
        if not 1 <= size <= self.n:
            raise ValueError(f"expected batch_size from 1 to {self.n}, got {size}")
        if self._allowed < self.draws * size * self.chains:
            raise ValueError(
                f"expected a budget of at least {self.draws} steps, one per draw, got "
                f"{self._allowed // (size * self.chains)}: raise the epochs or lower batch_size"
            )
        return size

    def _charge_batch(self, theta: Tensor, batch: Tensor | None, gradients: int = 1) -> None:
        if theta.shape != (self.chains, self.dim):
            raise ValueError(
                f"expected theta of shape ({self.chains}, {self.dim}), got {tuple(theta.shape)}"
            )
        self.charge(gradients * self.chains * (self.n if batch is None else batch.shape[-1]))


def _all_finite(tensor: Tensor) -> bool:
    # A finite sum has only finite terms, and takes a thirtieth of the time.
    return bool(tensor.sum().isfinite()) or bool(tensor.isfinite().all())
