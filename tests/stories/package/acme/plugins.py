"""A sampler, a data set, a model, a task and a metric."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from bdlbench import Budget, Examples, Problem, Task, register
from bdlbench.records.predictions import Predictions


@register("acme-descent")
@dataclass(frozen=True)
class Descent:
    """Gradient descent."""

    target: ClassVar[str] = "point"
    rate: float = 1e-3

    def sample(self, problem: Problem, rng: torch.Generator) -> Iterator[torch.Tensor]:
        """Yield the last state."""
        theta = problem.init(rng)
        for batch, _ in problem.steps(20, rng):
            theta = theta - self.rate * problem.gradient(theta, batch)
        yield theta


@register("acme-clouds")
@dataclass(frozen=True)
class Clouds:
    """Two clouds of points."""

    distance: float = 3.0

    def load(self, split: str, folders: list[Path]) -> Examples:
        """Return a split."""
        rng = np.random.default_rng(split == "test")
        y = rng.integers(0, 2, 80)
        return Examples(rng.normal(size=(80, 2)) + self.distance * y[:, None], y, classes=2)


@register("acme-net")
@dataclass(frozen=True)
class Net:
    """A small network."""

    width: int = 5

    def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Return the network."""
        return nn.Sequential(
            nn.Linear(*input_shape, self.width), nn.Tanh(), nn.Linear(self.width, outputs)
        )


@register("acme-doubt")
@dataclass(frozen=True)
class Doubt:
    """Mean of 1 − the highest probability."""

    label: ClassVar[str] = "doubt"
    direction: ClassVar[str] = "down"
    kind: ClassVar[str] = "classes"

    def contributions(self, predictions: Predictions) -> np.ndarray:
        """Return 1 − the highest probability of every input."""
        return 1 - predictions.probabilities.max(axis=1)


TASK = Task(
    name="acme-task",
    dataset="acme-clouds:distance=4.0",
    model="acme-net:width=6",
    budget=Budget(epochs=5, draws=5),
)
