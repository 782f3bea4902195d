"""Time actions in turn, so that ratios are robust to other load on the machine."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Action = Callable[[], object]
SLICE = 0.1  # seconds per action and round


@dataclass(frozen=True)
class Timings:
    """Seconds per unit of each action, shape (rounds,)."""

    seconds: dict[str, NDArray[np.float64]]

    def median(self, name: str) -> float:
        """Return the median seconds per unit."""
        return float(np.median(self.seconds[name]))

    def ratio(self, name: str, *others: str) -> float:
        """Return the median over rounds of an action's time divided by the fastest other's."""
        best = np.min([self.seconds[other] for other in others], axis=0)
        return float(np.median(self.seconds[name] / best))


def alternate(actions: Mapping[str, tuple[Action, int]], rounds: int = 15) -> Timings:
    """Time each action for a slice of time per round, in random order.

    Each action is warmed up first, since the action before it has filled the CPU's caches.

    Args:
        actions: By name, the function to call and the units (such as steps) per call.
        rounds: Number of rounds.
    """
    calls = {name: _calls(action) for name, (action, _) in actions.items()}
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    order, rng = list(actions), random.Random(0)
    for _ in range(rounds):
        rng.shuffle(order)
        for name in order:
            action, units = actions[name]
            for _ in range(calls[name] // 5):
                action()
            started = time.perf_counter()
            for _ in range(calls[name]):
                action()
            elapsed = time.perf_counter() - started
            seconds[name].append(elapsed / (calls[name] * units))
    return Timings({name: np.array(values) for name, values in seconds.items()})


def _calls(action: Action) -> int:
    """Return the number of calls that fill a slice, after a warm-up call."""
    action()
    started = time.perf_counter()
    action()
    return max(1, round(SLICE / (time.perf_counter() - started)))
