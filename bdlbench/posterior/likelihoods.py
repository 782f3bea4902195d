"""Likelihoods: log p(y∣x, θ) as a function of the network's outputs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch.nn.functional as F
from torch import Tensor


class Likelihood(Protocol):
    """Log density of every observation, and its derivative."""

    kind: ClassVar[str]

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return log p(y∣x, θ), shape (chains, n), from outputs of shape (chains, n, outputs)."""

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return ∂ log p(y∣x, θ)/∂outputs as a new tensor of the outputs' shape."""


@dataclass(frozen=True)
class Categorical:
    """Classification: the outputs are logits, y class indices of shape (chains, n)."""

    kind: ClassVar[str] = "classes"

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the log probability of each label, shape (chains, n)."""
        loss = F.cross_entropy(outputs.flatten(0, 1), y.flatten(), reduction="none")
        return -loss.view(y.shape)

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return one-hot labels minus probabilities."""
        slope = outputs.softmax(-1).neg_()
        return slope.scatter_(-1, y.unsqueeze(-1), 1.0, reduce="add")


@dataclass(frozen=True)
class Gaussian:
    """Regression: y of shape (chains, n) is the single output plus noise N(0, noise_std²)."""

    kind: ClassVar[str] = "real"

    noise_std: float

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the log density of each observation, shape (chains, n)."""
        residual = (y - outputs.squeeze(-1)) / self.noise_std
        return -0.5 * residual.square() - math.log(self.noise_std * math.sqrt(2 * math.pi))

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the residual divided by the noise variance."""
        return (y.unsqueeze(-1) - outputs) / self.noise_std**2


@dataclass(frozen=True)
class Bernoulli:
    """Binary classification: the output is the logit of y = 1; y, 0 or 1, of shape (chains, n)."""

    kind: ClassVar[str] = "classes"

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the log probability of each label, shape (chains, n)."""
        return -F.binary_cross_entropy_with_logits(outputs.squeeze(-1), y, reduction="none")

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return y minus the probability of 1."""
        return y.unsqueeze(-1) - outputs.sigmoid()


def label(likelihood: Any) -> str:
    """Return a likelihood as text."""
    return type(likelihood).__name__.lower()
