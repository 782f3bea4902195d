"""Tasks that are refused when they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from bdlbench import Budget, Task
from bdlbench.errors import BdlbenchError
from bdlbench.likelihoods import Categorical, Gaussian


@dataclass(frozen=True)
class Inherited(Categorical):
    """A likelihood whose inherited slope is not that of its log_prob."""

    def log_prob(self, outputs: Any, y: Any) -> Any:
        return super().log_prob(outputs / 2, y)


class WithSlope(Inherited):
    """The same with a slope of its own."""

    def slope(self, outputs: Any, y: Any) -> Any:
        return super().slope(outputs / 2, y) / 2


class WithoutSlope(Inherited):
    """The same with a slope by autograd."""

    slope = None  # type: ignore[assignment]


def task(likelihood: Any) -> Task:
    return Task("vines", "wine", "mlp-20", Budget(epochs=1, draws=2), likelihood=likelihood)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (Inherited(), "Inherited has a log_prob of its own, but the slope of Categorical"),
        (Gaussian, "expected a likelihood"),
        ("gaussian", "expected a likelihood"),
    ],
)
def test_what_is_no_likelihood_or_has_a_wrong_slope_is_refused(given: Any, expected: str) -> None:
    with pytest.raises(BdlbenchError, match=expected):
        task(given)


@pytest.mark.parametrize("likelihood", [WithSlope(), WithoutSlope(), Categorical()])
def test_a_likelihood_with_a_slope_of_its_own_or_none_is_accepted(likelihood: Any) -> None:
    assert task(likelihood).kind == "classes"
