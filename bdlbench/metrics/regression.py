"""Metrics of predictive densities of real targets; each is a mixture over draws."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import special

from bdlbench.metrics.functions import EQUAL
from bdlbench.metrics.parts import Float64s, Parts

if TYPE_CHECKING:
    from bdlbench.records.densities import Densities

LEVELS = np.arange(1, 20) / 20  # of the distribution function, for its calibration
_SAME = 0.01  # of the noise; draws that differ by less are nearly identical
_PAIRED = 400  # draws up to which all their pairs are summed
_FIRST, _MOST = 64, 2**14  # nodes of the quadrature


def log_density(densities: Densities) -> Parts:
    """Return log p(target∣x) of the mixture, in nats, the density being per unit of the target."""
    return Parts(densities.log_density)


def rmse(densities: Densities) -> Parts:
    """Return squared errors of the mixture's mean, whose mean is taken the root of."""
    errors = np.square(densities.mean - densities.targets)
    return Parts(errors, lambda means: np.sqrt(means[0]))


def coverage(densities: Densities, percent: int) -> Parts:
    """Return whether the target is in the central interval with this percentage of probability."""
    outside = np.abs(2 * densities.pit - 1)
    return Parts((outside <= percent / 100 * (1 + EQUAL)).astype(np.float64))


def width(densities: Densities, percent: int) -> Parts:
    """Return the width of the central interval with this percentage of probability."""
    tail = (100 - percent) / 200
    low, high = densities.quantiles([tail, 1 - tail])
    return Parts(high - low)


def pit_calibration_error(densities: Densities) -> Parts:
    """Return [PIT ≤ level] − level for the levels 0.05, 0.10, …, 0.95."""
    below = densities.pit[:, None] <= LEVELS * (1 + EQUAL)
    return Parts(below - LEVELS, lambda means: np.asarray(np.abs(means).mean(axis=0)))


def crps(densities: Densities) -> Parts | None:
    """Return ∫ (F(z) − [z ≥ target])² dz = E|Y − target| − ½ E|Y − Y′| of the mixture.

    Gneiting & Raftery (2007, equation 21), with the closed forms of Grimit et al. (2006) for
    Gaussians. ½ E|Y − Y′| of many draws, or of Student's t, is ∫ F(1 − F) dz by quadrature.
    """
    df = float(densities.df)
    if df <= 1:  # the expectations do not exist
        return None
    location, scale = _float64(densities)
    error = scale * _absolute((densities.targets - location) / scale, df)
    paired = math.isinf(df) and densities.draws <= _PAIRED
    half = _half_of_pairs if paired else _half_by_quadrature
    return Parts(error.mean(axis=0) - half(location, scale, df))


def standard_deviation(densities: Densities) -> Float64s:
    """Return the standard deviation of the mixture, the uncertainty that OOD inputs are told by.

    Without one (Student's t with at most 2 degrees of freedom), the scale takes its place in every
    draw.
    """
    return np.asarray(np.sqrt(_dispersion(densities)))


def epistemic_and_total(densities: Densities) -> tuple[float, float]:
    """Return the variance of the draws' locations, and the mixture's, summed over inputs."""
    return float(densities.epistemic_variance.sum()), float(_dispersion(densities).sum())


def nearly_identical(densities: Densities) -> bool:
    """Return whether the draws differ by less than 1 % of the noise, in location and in scale.

    Not the share of the mixture's variance: where the data determine the parameters well, that is
    small for the exact posterior, too, and a single draw with much noise makes it small.
    """
    location, scale = _float64(densities)
    moved = location.std(axis=0) / np.median(scale, axis=0)
    return bool(max(moved.max(), np.log(scale).std(axis=0).max()) < _SAME)


def _dispersion(densities: Densities) -> Float64s:
    if float(densities.df) > 2:
        return densities.variance
    noise = np.square(densities.scale, dtype=np.float64).mean(axis=0)
    return np.asarray(noise + densities.epistemic_variance)


def _float64(densities: Densities) -> tuple[Float64s, Float64s]:
    location = densities.location.astype(np.float64)
    return location, np.broadcast_to(densities.scale.astype(np.float64), location.shape)


def _absolute(z: Float64s, df: float) -> Float64s:
    """Return E|z − noise| of standard normal noise, or of Student's t."""
    if math.isinf(df):
        return np.asarray(z * special.erf(z / math.sqrt(2)) + 2 * _normal_density(z))
    norm = special.gammaln(0.5 * (df + 1)) - special.gammaln(0.5 * df) - 0.5 * np.log(df * np.pi)
    density = np.exp(norm - 0.5 * (df + 1) * np.log1p(np.square(z) / df))
    tail = 2 * density * (df + np.square(z)) / (df - 1)
    return np.asarray(z * (2 * _distribution(z, df) - 1) + tail)


def _normal_density(z: Float64s) -> Float64s:
    return np.asarray(np.exp(-0.5 * np.square(z)) / math.sqrt(2 * math.pi))


def _half_of_pairs(location: Float64s, scale: Float64s, df: float) -> Float64s:
    """Return ½ E|Y − Y′| of Gaussian mixtures, (inputs,): every pair of draws is summed once."""
    draws, total = len(location), scale.sum(axis=0) / math.sqrt(math.pi)  # of a draw with itself
    for lag in range(1, draws):
        spread = np.hypot(scale[lag:], scale[:-lag])
        z = (location[lag:] - location[:-lag]) / spread
        total += (spread * _absolute(z, df)).sum(axis=0)
    return np.asarray(total / draws**2)


def _half_by_quadrature(location: Float64s, scale: Float64s, df: float) -> Float64s:
    """Return ∫ F(1 − F) dz, (inputs,), with z = centre + width·sinh(½π sinh u), by trapezia.

    The error of the trapezoidal rule is squared with every halving of the step (Takahasi & Mori,
    1974), so that the last result is exact when it differs from the one before by 1e-6.
    """
    centre, width = location.mean(axis=0), location.std(axis=0) + scale.mean(axis=0)
    decay = min(df, 10.0) - 1  # ∫ F(1 − F) dz falls as z¹⁻ᵈᶠ beyond z
    end = max(3.0, math.asinh(min(80 / (math.pi * decay), 400.0)))

    def integrand(u: float) -> Float64s:
        inner = 0.5 * math.pi * math.sinh(u)
        slope = 0.5 * math.pi * math.cosh(u) * math.cosh(inner)
        residual = (centre + width * math.sinh(inner) - location) / scale
        tail = _distribution(-np.abs(residual), df)  # precise in both tails
        below = np.where(residual < 0, tail, 1 - tail).mean(axis=0)
        above = np.where(residual < 0, 1 - tail, tail).mean(axis=0)
        return np.asarray(below * above * width * slope)

    nodes, step = _FIRST, 2 * end / _FIRST
    total = np.sum([integrand(-end + step * k) for k in range(1, nodes)], axis=0)
    previous: Float64s = np.full(len(centre), np.inf)
    current: Float64s = step * total
    while nodes < _MOST and (np.abs(current - previous) > 1e-6 * current).any():
        total += np.sum([integrand(-end + step * (k + 0.5)) for k in range(nodes)], axis=0)
        nodes, step, previous = 2 * nodes, step / 2, current
        current = step * total
    return current


def _distribution(z: Float64s, df: float) -> Float64s:
    return np.asarray(special.ndtr(z) if math.isinf(df) else special.stdtr(df, z))
