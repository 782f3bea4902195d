"""Detect changes of global random state and of the number of threads by a plugin."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from bdlbench.errors import BdlbenchError
from bdlbench.runs import machine

SEED = 1_234_567_891  # no plugin uses it: a plugin's own seed, set earlier, would go unnoticed


@contextmanager
def watched() -> Iterator[None]:
    """Raise if global random state or the number of threads changes, and restore them.

    Raises:
        BdlbenchError: Something changed.
    """
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    try:
        random.seed(SEED)
        np.random.seed(SEED)  # noqa: NPY002
        torch.set_rng_state(torch.Generator().manual_seed(SEED).get_state())
        expected = _states()
        with machine.one_thread():
            yield
            threads = torch.get_num_threads()
        _compare(expected, threads)
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(before[2])


def _states() -> dict[str, Any]:
    numpy = np.random.get_state(legacy=False)  # noqa: NPY002
    words = numpy["state"]
    return {
        "the random module's": random.getstate(),
        "NumPy's": (words["key"].tobytes(), words["pos"], numpy["has_gauss"], numpy["gauss"]),
        "torch's": torch.get_rng_state().numpy().tobytes(),
    }


def _compare(expected: dict[str, Any], threads: int) -> None:
    for owner, state in _states().items():
        if state != expected[owner]:
            raise BdlbenchError(
                f"{owner} global random state was used or set: draw random numbers from rng only, "
                "in torch with generator=rng"
            )
    if threads != 1:
        raise BdlbenchError("the number of torch threads was changed: do not set it")
