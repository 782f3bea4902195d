"""Likelihoods: log p(y∣x, θ) as a function of the network's outputs."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from bdlbench.posterior.regression import Gaussian, Heteroscedastic, LearntGaussian, StudentT

Kind = Literal["classes", "real"]

__all__ = [
    "Bernoulli",
    "Categorical",
    "ClassLikelihood",
    "Gaussian",
    "Heteroscedastic",
    "Kind",
    "LearntGaussian",
    "Likelihood",
    "RealLikelihood",
    "StudentT",
    "label",
    "slope",
]


class Likelihood(Protocol):
    """Log density of every observation, a frozen dataclass whose fields have simple types.

    A method ``slope(outputs, y)`` that returns ∂ log p(y∣x, θ)/∂outputs as a new tensor is
    optional; without it, `slope` differentiates `log_prob`.
    """

    @property
    def kind(self) -> Kind:
        """Whether y is a class number or a real number."""

    @property
    def constants(self) -> int:
        """Number of its own parameters, which are the last columns of the outputs."""

    def outputs(self, classes: int | None) -> int:
        """Return the number of outputs that a model needs, without `constants`.

        Args:
            classes: Number of classes of the data, None for real targets.

        Raises:
            ValueError: Data and likelihood do not fit together.
        """

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return log p(y∣x, θ), shape (chains, n), from outputs of shape (chains, n, outputs)."""


class ClassLikelihood(Likelihood, Protocol):
    """A likelihood of class numbers."""

    def log_probabilities(self, outputs: Tensor) -> Tensor:
        """Return log p(class∣x, θ), shape (chains, n, classes)."""


class RealLikelihood(Likelihood, Protocol):
    """A likelihood of real targets: a location-scale family around one of the outputs."""

    @property
    def df(self) -> float:
        """Degrees of freedom of Student's t; inf for the normal distribution."""

    def location_scale(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return location and scale, each of shape (chains, n), in units of standardised y."""


def slope(likelihood: Likelihood, outputs: Tensor, y: Tensor) -> Tensor:
    """Return ∂ log p(y∣x, θ)/∂outputs as a new tensor: by its own `slope`, or by autograd."""
    own = getattr(likelihood, "slope", None)
    if own is not None:
        return own(outputs, y)  # type: ignore[no-any-return]
    with torch.enable_grad():
        leaf = outputs.detach().requires_grad_()
        (found,) = torch.autograd.grad(likelihood.log_prob(leaf, y).sum(), leaf)
    return found


def label(likelihood: Likelihood) -> str:
    """Return the likelihood as it is named in records, such as ``gaussian:noise_std=0.5``."""
    name = re.sub("(?<=[a-z])(?=[A-Z])", "-", type(likelihood).__name__).lower()
    given: Any = likelihood
    fields = dataclasses.fields(given) if dataclasses.is_dataclass(given) else ()
    settings = ",".join(f"{field.name}={getattr(given, field.name)}" for field in fields)
    return f"{name}:{settings}" if settings else name


@dataclass(frozen=True)
class Categorical:
    """Classification: the outputs are logits, y class indices of shape (chains, n)."""

    kind: ClassVar[Kind] = "classes"
    constants: ClassVar[int] = 0

    def outputs(self, classes: int | None) -> int:
        """Return the number of classes."""
        return _check_classes(classes)

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the log probability of each label, shape (chains, n)."""
        loss = F.cross_entropy(outputs.flatten(0, 1), y.flatten(), reduction="none")
        return -loss.view(y.shape)

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return one-hot labels minus probabilities."""
        slope = outputs.softmax(-1).neg_()
        return slope.scatter_(-1, y.unsqueeze(-1), 1.0, reduce="add")

    def log_probabilities(self, outputs: Tensor) -> Tensor:
        """Return the logarithm of the softmax."""
        return outputs.log_softmax(-1)


@dataclass(frozen=True)
class Bernoulli:
    """Binary classification: the output is the logit of y = 1; y, 0 or 1, of shape (chains, n)."""

    kind: ClassVar[Kind] = "classes"
    constants: ClassVar[int] = 0

    def outputs(self, classes: int | None) -> int:
        """Return 1."""
        if _check_classes(classes) != 2:
            raise ValueError(f"expected 2 classes, got {classes}: use Categorical()")
        return 1

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the log probability of each label, shape (chains, n)."""
        logits = outputs.squeeze(-1)
        return -F.binary_cross_entropy_with_logits(logits, y.to(logits.dtype), reduction="none")

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return y minus the probability of 1."""
        return y.unsqueeze(-1) - outputs.sigmoid()

    def log_probabilities(self, outputs: Tensor) -> Tensor:
        """Return log(1 − p) and log p, p the logistic function of the output."""
        return torch.cat([F.logsigmoid(-outputs), F.logsigmoid(outputs)], dim=-1)


def _check_classes(classes: int | None) -> int:
    if classes is None:
        raise ValueError("expected classes, got real targets: use Gaussian(noise_std=0.5)")
    return classes
