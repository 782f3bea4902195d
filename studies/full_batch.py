"""SciPy's optimizers on all data, at a budget that counts."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import optimize
from torch import Tensor

from bdlbench.posterior.potential import Posterior

from .target import mean_and_slope


class _Spent(Exception):  # noqa: N818 -- not a fault
    """End an optimizer whose budget is spent."""


def descend_all(posterior: Posterior, start: Tensor, method: str, epochs: int) -> Tensor:
    """Minimise by one of SciPy's methods on all data; one evaluation of U and ∇U is an epoch."""
    best, spent = (np.inf, start), 0

    def evaluate(theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        nonlocal best, spent
        if spent == epochs:
            raise _Spent
        spent += 1
        value, gradient = mean_and_slope(posterior, theta)
        if value < best[0]:
            best = value, torch.from_numpy(theta).float()[None]
        return value, gradient

    with suppress(_Spent):
        minimize = cast("Any", optimize.minimize)  # its types know no method by a variable
        first = start[0].double().numpy()
        minimize(evaluate, first, jac=True, method=method, options={"maxiter": epochs})
    return best[1]
