from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from bdlbench.adapters import RandomState
from bdlbench.checks.global_state import watched
from tests.adapters.known import rng


def draw() -> list[float]:
    """Draw from every global generator."""
    return [random.random(), np.random.random(), float(torch.rand(()))]  # noqa: NPY002


def test_global_generators_are_private_and_restored() -> None:
    with watched():
        state = RandomState(rng())
        with state:
            first = draw()
        with state:
            second = draw()
        with RandomState(rng()):
            assert draw() + draw() == first + second, "it goes on where it was left"
        with RandomState(rng(1)):
            assert not {*draw()} & {*first}


def test_the_global_state_is_restored_after_an_exception() -> None:
    def fail() -> None:
        with RandomState(rng()):
            draw()
            raise ZeroDivisionError

    with watched(), pytest.raises(ZeroDivisionError):
        fail()
