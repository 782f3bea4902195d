"""Round log-probabilities for storage, and convert them back to probabilities."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PRECISION = 2**-9  # largest relative error of stored log-probabilities
ROUNDING = 0.02  # tolerance of a sum over classes: 2⁻⁹ log 1,000 = 0.013, plus a margin


def shorten(values: NDArray[np.floating]) -> NDArray[np.float32]:
    """Round to a relative error of at most `PRECISION`; the result compresses to a third."""
    mantissa, exponent = np.frexp(values)  # 0.5 <= |mantissa| < 1
    rounded = np.ldexp(np.rint(mantissa / PRECISION) * PRECISION, exponent)
    return np.asarray(rounded, np.float32)


def to_probabilities(log_probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return probabilities in float64, renormalised over the last axis (classes)."""
    p = np.exp(log_probabilities.astype(np.float64))
    return np.asarray(p / p.sum(axis=-1, keepdims=True))
