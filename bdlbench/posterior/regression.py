"""Likelihoods of real targets, in units of the standardised targets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from bdlbench.settings import check_positive

_LOG_2PI = math.log(2 * math.pi)


@dataclass(frozen=True)
class Gaussian:
    """Regression: y of shape (chains, n) is the single output plus noise N(0, noise_std²).

    Args:
        noise_std: σ, in units of the standardised targets.
    """

    noise_std: float
    kind: ClassVar[Literal["real"]] = "real"
    constants: ClassVar[int] = 0
    df: ClassVar[float] = math.inf

    def __post_init__(self) -> None:
        check_positive(noise_std=self.noise_std)

    def outputs(self, classes: int | None) -> int:
        """Return 1, the mean."""
        return _check_real(classes, 1)

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the log density of each observation, shape (chains, n)."""
        residual = (y - outputs.squeeze(-1)) / self.noise_std
        return -0.5 * residual.square() - math.log(self.noise_std * math.sqrt(2 * math.pi))

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the residual divided by the noise variance."""
        return (y.unsqueeze(-1) - outputs) / self.noise_std**2

    def location_scale(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output, and σ."""
        location = outputs.squeeze(-1)
        return location, torch.full_like(location, self.noise_std)


@dataclass(frozen=True)
class _ScaledGaussian:
    """y = f + N(0, σ²) with outputs (f, ρ) and log σ = log noise_std + spread·ρ."""

    noise_std: float = 0.5
    spread: float = 1.0
    kind: ClassVar[Literal["real"]] = "real"
    df: ClassVar[float] = math.inf

    def __post_init__(self) -> None:
        check_positive(noise_std=self.noise_std, spread=self.spread)

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the log density of each observation, shape (chains, n)."""
        location, log_scale = self._parts(outputs)
        residual = (y - location) * torch.exp(-log_scale)
        return -0.5 * residual.square() - log_scale - 0.5 * _LOG_2PI

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return r/σ for f and spread·(r² − 1) for ρ, r = (y − f)/σ."""
        location, log_scale = self._parts(outputs)
        precision = torch.exp(-log_scale)
        residual = (y - location) * precision
        return torch.stack([residual * precision, self.spread * (residual.square() - 1)], dim=-1)

    def location_scale(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return f and σ."""
        location, log_scale = self._parts(outputs)
        return location, log_scale.exp()

    def _parts(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        location, rho = outputs.unbind(-1)
        return location, math.log(self.noise_std) + self.spread * rho


@dataclass(frozen=True)
class LearntGaussian(_ScaledGaussian):
    """Regression with one noise level that is learnt: log σ = log noise_std + spread·ρ.

    ρ is the last parameter of θ and has the prior of all parameters, N(0, prior_std²): a priori,
    log σ is normal with mean log noise_std and standard deviation spread·prior_std. It starts at 0.

    Args:
        noise_std: Median of σ a priori, in units of the standardised targets.
        spread: Factor of ρ; with the usual prior_std of 0.316, 3 is about a factor e of σ.
    """

    spread: float = 3.0
    constants: ClassVar[int] = 1

    def outputs(self, classes: int | None) -> int:
        """Return 1, the mean; ρ is a constant."""
        return _check_real(classes, 1)


@dataclass(frozen=True)
class Heteroscedastic(_ScaledGaussian):
    """Regression with a noise level for every input: log σ(x) = log noise_std + spread·ρ(x).

    The outputs are the mean f(x) and ρ(x).

    Args:
        noise_std: σ where ρ = 0, in units of the standardised targets.
        spread: Factor of ρ.
    """

    constants: ClassVar[int] = 0

    def outputs(self, classes: int | None) -> int:
        """Return 2: the mean and ρ."""
        return _check_real(classes, 2)


@dataclass(frozen=True)
class StudentT:
    """Robust regression: y is the single output plus scale times Student's t with df degrees.

    Args:
        df: Degrees of freedom; the fewer, the heavier the tails.
        scale: Scale, in units of the standardised targets; the noise's standard deviation is
            scale·√(df/(df − 2)).
    """

    df: float = 4.0
    scale: float = 0.5
    kind: ClassVar[Literal["real"]] = "real"
    constants: ClassVar[int] = 0

    def __post_init__(self) -> None:
        check_positive(df=self.df, scale=self.scale)

    def outputs(self, classes: int | None) -> int:
        """Return 1, the location."""
        return _check_real(classes, 1)

    def log_prob(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return the log density of each observation, shape (chains, n)."""
        residual = (y - outputs.squeeze(-1)) / self.scale
        half = 0.5 * (self.df + 1)
        constant = math.lgamma(half) - math.lgamma(0.5 * self.df)
        constant -= 0.5 * math.log(self.df * math.pi) + math.log(self.scale)
        return constant - half * torch.log1p(residual.square() / self.df)

    def slope(self, outputs: Tensor, y: Tensor) -> Tensor:
        """Return (df + 1)·r/(scale·(df + r²)), r the residual divided by the scale."""
        residual = (y.unsqueeze(-1) - outputs) / self.scale
        return (self.df + 1) / self.scale * residual / (self.df + residual.square())

    def location_scale(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output, and the scale."""
        location = outputs.squeeze(-1)
        return location, torch.full_like(location, self.scale)


def _check_real(classes: int | None, outputs: int) -> int:
    if classes is not None:
        raise ValueError(f"expected real targets, got {classes} classes: use Categorical()")
    return outputs
