"""The form of every metric of one set: its inputs' contributions, and a function of their means."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Float64s = NDArray[np.float64]
Finish = Callable[[Float64s], Float64s]


def only(means: Float64s) -> Float64s:
    """Return the first and only mean."""
    return np.asarray(means[0])


@dataclass(frozen=True, eq=False)
class Parts:
    """A metric as a function of means over inputs, so that inputs can be resampled.

    Attributes:
        contributions: Shape (inputs,), or (inputs, k); a NumPy or a sparse array.
        finish: Turns the means over inputs, (k, …), into values, (…); by default, the one mean.
    """

    contributions: Any
    finish: Finish = only

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return int(self.contributions.shape[0])

    @property
    def value(self) -> float:
        """The metric of all inputs."""
        if self.contributions.ndim == 1:
            return float(self.finish(self.contributions.mean(keepdims=True)))
        return float(self(np.ones(self.inputs)))

    def __call__(self, weights: NDArray[Any]) -> Float64s:
        """Return the metric of weighted inputs.

        Args:
            weights: (inputs,) or (inputs, resamples), each resample with a sum of `inputs`.

        Returns:
            Shape () or (resamples,).
        """
        means = np.asarray(self.contributions.T @ weights / self.inputs)
        return self.finish(means[None] if self.contributions.ndim == 1 else means)
