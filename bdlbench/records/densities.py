"""Stored predictions of real targets: a mixture of densities, one for every draw."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Float64s = NDArray[np.float64]

TRACED = 200  # inputs whose log density is traced
DTYPES = {
    "location": np.dtype(np.float32),
    "scale": np.dtype(np.float32),
    "df": np.dtype(np.float64),
    "targets": np.dtype(np.float64),
}
_BISECTIONS = 60  # halvings of an interval: to the resolution of float64


@dataclass(frozen=True, eq=False)
class Densities:
    """Predictive densities of real targets for one set of inputs, in the targets' own units.

    p(y∣x) is the mean over draws of the densities of `location` + `scale`·noise, where the noise is
    standard normal, or Student's t. It is never replaced by a Gaussian with the same moments.

    Attributes:
        location: float32 (draws, inputs).
        scale: float32 (draws, inputs), or (draws, 1) if it is the same for all inputs.
        df: float64 (), degrees of freedom of Student's t; inf for Gaussian noise.
        targets: float64 (inputs,); zero in an OOD set without targets.
        epochs: float64 (draws,), epochs used up to each draw; of the in-distribution set only.

    Raises:
        ValueError: for a wrong type or shape, or values that are not finite or out of range.
    """

    location: NDArray[np.float32]
    scale: NDArray[np.float32]
    df: NDArray[np.float64]
    targets: NDArray[np.float64]
    epochs: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        for name, dtype in DTYPES.items():
            actual = np.asarray(getattr(self, name)).dtype
            if actual != dtype:
                raise ValueError(f"expected {name} of type {dtype}, got {actual}")
        draws = self._check_shapes()
        for name in ("location", "scale", "targets"):
            if not np.isfinite(getattr(self, name)).all():
                raise ValueError(f"expected finite {name}, got NaN or inf")
        if not (self.scale > 0).all() or not float(self.df) > 0:
            raise ValueError("expected scale and df above 0")
        if self.epochs is not None:
            self._check_epochs(self.epochs, draws)

    @property
    def truth(self) -> Float64s:
        """The targets, (inputs,)."""
        return self.targets

    @property
    def draws(self) -> int:
        """Number of draws."""
        return len(self.location)

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def mean(self) -> Float64s:
        """Mean of the mixture, (inputs,)."""
        return np.asarray(self.location.mean(axis=0, dtype=np.float64))

    @property
    def epistemic_variance(self) -> Float64s:
        """Variance over draws of their locations, (inputs,)."""
        return np.asarray(self.location.astype(np.float64).var(axis=0))

    @property
    def variance(self) -> Float64s:
        """Variance of the mixture, (inputs,): the mean variance plus the variance of the means.

        It is infinite for Student's t with at most 2 degrees of freedom.
        """
        factor = 1.0
        if math.isfinite(df := float(self.df)):
            factor = df / (df - 2) if df > 2 else math.inf
        noise = factor * np.square(self.scale, dtype=np.float64).mean(axis=0)
        return np.asarray(noise + self.epistemic_variance)

    def log_densities(self, rows: slice = slice(None)) -> Float64s:
        """Return log p(target∣x, θ) of every draw, (draws, inputs), for some of the inputs."""
        residual = self._residuals(self.targets[rows], rows)
        df = float(self.df)
        if math.isinf(df):
            log_p = -0.5 * np.square(residual) - 0.5 * math.log(2 * math.pi)
        else:
            norm = special.gammaln(0.5 * (df + 1)) - special.gammaln(0.5 * df)
            norm -= 0.5 * math.log(df * math.pi)
            log_p = norm - 0.5 * (df + 1) * np.log1p(np.square(residual) / df)
        return np.asarray(log_p - np.log(self._scale(rows)))

    @property
    def log_density(self) -> Float64s:
        """Log density of the mixture at the target, (inputs,)."""
        return np.asarray(special.logsumexp(self.log_densities(), axis=0) - math.log(self.draws))

    @property
    def trace(self) -> Float64s:
        """Log density of every draw at the first `TRACED` targets, (draws, first inputs)."""
        return self.log_densities(slice(TRACED))

    @property
    def pit(self) -> Float64s:
        """Distribution function of the mixture at the target, (inputs,); uniform if calibrated."""
        return self.distribution(self.targets)

    def distribution(self, y: Float64s) -> Float64s:
        """Return the distribution function of the mixture at y, both (inputs,)."""
        residual, df = self._residuals(y), float(self.df)
        p = special.ndtr(residual) if math.isinf(df) else special.stdtr(df, residual)
        return np.asarray(p.mean(axis=0))

    def quantiles(self, levels: Iterable[float]) -> Float64s:
        """Return quantiles of the mixture, (levels, inputs), by bisection."""
        return np.stack([self._quantile(level) for level in levels])

    def first(self, draws: int) -> Densities:
        """Return the predictions of the first draws alone."""
        epochs = None if self.epochs is None else self.epochs[:draws]
        return Densities(self.location[:draws], self.scale[:draws], self.df, self.targets, epochs)

    def course(self) -> tuple[Float64s, list[Densities]]:
        """Return the epochs used and the mixtures after the first 1, 2, 4, … draws and after all.

        Raises:
            ValueError: The predictions have no history.
        """
        if self.epochs is None:
            raise ValueError("expected predictions with their history, got none")
        points = (self.draws - 1).bit_length()
        draws = [*(2**k for k in range(points)), self.draws]
        return self.epochs[np.array(draws) - 1], [self.first(number) for number in draws]

    def _quantile(self, level: float) -> Float64s:
        df = float(self.df)
        at = special.ndtri(level) if math.isinf(df) else special.stdtrit(df, level)
        each = self.location + at * self._scale()  # the quantile of every draw
        low, high = each.min(axis=0), each.max(axis=0)
        for _ in range(_BISECTIONS):
            middle = 0.5 * (low + high)
            above = self.distribution(middle) >= level
            low, high = np.where(above, low, middle), np.where(above, middle, high)
        return np.asarray(0.5 * (low + high))

    def _residuals(self, y: Float64s, rows: slice = slice(None)) -> Float64s:
        return np.asarray((y - self.location[:, rows]) / self._scale(rows))

    def _scale(self, rows: slice = slice(None)) -> Float64s:
        scale = self.scale if self.scale.shape[1] == 1 < len(self) else self.scale[:, rows]
        return np.asarray(scale, np.float64)

    def _check_shapes(self) -> int:
        if self.location.ndim != 2 or 0 in self.location.shape:
            raise ValueError(f"expected location (draws, inputs), got shape {self.location.shape}")
        draws, inputs = len(self.location), self.location.shape[1]
        if self.scale.shape not in ((draws, inputs), (draws, 1)):
            raise ValueError(f"expected scale ({draws}, {inputs}), got shape {self.scale.shape}")
        if np.shape(self.df) != () or self.targets.shape != (inputs,):
            actual = f"{np.shape(self.df)} and {self.targets.shape}"
            raise ValueError(f"expected df () and targets ({inputs},), got {actual}")
        return draws

    @staticmethod
    def _check_epochs(epochs: Float64s, draws: int) -> None:
        if epochs.dtype != np.float64 or epochs.shape != (draws,):
            raise ValueError(f"expected epochs ({draws},), got {epochs.dtype} {epochs.shape}")
        if not np.isfinite(epochs).all() or epochs[0] < 0 or (np.diff(epochs) < 0).any():
            raise ValueError("expected epochs that are finite and never decrease")
