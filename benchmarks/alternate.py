"""Time actions in turn, so that ratios hold on a machine that others use, too."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Action = Callable[[], object]
SLICE = 0.1  # seconds that an action runs at a time


@dataclass(frozen=True)
class Timings:
    """Hold seconds per call of every action, shape (rounds,)."""

    seconds: dict[str, NDArray[np.float64]]

    def median(self, name: str) -> float:
        """Return the median of seconds per call."""
        return float(np.median(self.seconds[name]))

    def ratio(self, name: str, *others: str) -> float:
        """Return the median over rounds of an action's time over the quickest of the others."""
        best = np.min([self.seconds[other] for other in others], axis=0)
        return float(np.median(self.seconds[name] / best))


def alternate(actions: Mapping[str, tuple[Action, int]], rounds: int = 15) -> Timings:
    """Run every action for a slice of time, again and again, in an order that is drawn each time.

    What comes after an action that fills the caches with data of its own is slower at first: each
    follows each, and warms up before it is timed.

    Args:
        actions: By name, what to call, and how many units (steps, say) one call does.
        rounds: How often each has its turn.
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
    """Warm the action up, and return how many calls fill a slice."""
    action()
    started = time.perf_counter()
    action()
    return max(1, round(SLICE / (time.perf_counter() - started)))
