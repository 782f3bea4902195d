"""A random state of a sampler's own, for libraries that draw from the global generators."""

from __future__ import annotations

import random
from types import TracebackType
from typing import Any

import numpy as np
import torch


class RandomState:
    """A context in which the global generators of torch, NumPy and `random` are one's own.

    On leaving it, the state of the sampler is kept, to go on when it is entered again, and the
    global state is what it was before.

    Args:
        rng: Source of the seed; its device's generator is one's own, too.
    """

    def __init__(self, rng: torch.Generator) -> None:
        self._generators = [torch.default_generator]
        if rng.device.type == "cuda":  # pragma: no cover -- on a GPU
            self._generators.append(torch.cuda.default_generators[rng.device.index or 0])
        seed = int(torch.randint(2**62, (1,), generator=rng, device=rng.device))
        self._other: tuple[Any, ...] = (
            random.Random(seed).getstate(),
            np.random.RandomState(seed % 2**32).get_state(),
            *(torch.Generator(g.device).manual_seed(seed).get_state() for g in self._generators),
        )

    def __enter__(self) -> RandomState:
        self._swap()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._swap()

    def _swap(self) -> None:
        """Exchange the global state with the other one."""
        current = (
            random.getstate(),
            np.random.get_state(),  # noqa: NPY002 -- libraries use it
            *(generator.get_state() for generator in self._generators),
        )
        random.setstate(self._other[0])
        np.random.set_state(self._other[1])  # noqa: NPY002
        for generator, state in zip(self._generators, self._other[2:], strict=True):
            generator.set_state(state)
        self._other = current
