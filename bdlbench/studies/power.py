"""Fit a power law, and say how sure its exponent is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Power:
    """Hold the exponent of y ∝ x^exponent, and half of its 95 % interval's width."""

    exponent: float
    half: float

    def __str__(self) -> str:
        return f"{self.exponent:.2f} ± {self.half:.2f}"


def fit_power(x: Sequence[float], y: Sequence[float]) -> Power:
    """Fit log y by a straight line in log x; Student-t interval with len(x) − 2 degrees."""
    line = stats.linregress(np.log(x), np.log(y))
    quantile = float(stats.t.ppf(0.975, len(x) - 2))
    return Power(float(line.slope), quantile * float(line.stderr))
