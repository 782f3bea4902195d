"""The resistance of yachts: a table of one's own, and a residual network."""

from dataclasses import dataclass

import torch
from torch import nn

from bdlbench import Budget, Task, register
from bdlbench.data import csv
from bdlbench.likelihoods import LearntGaussian


class Residual(nn.Module):
    def __init__(self, inputs: int, width: int, outputs: int) -> None:
        super().__init__()
        self.first, self.middle = nn.Linear(inputs, width), nn.Linear(width, width)
        self.last = nn.Linear(width, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = torch.tanh(self.first(x))
        return self.last(h + torch.tanh(self.middle(h)))


@register("residual-mlp")
@dataclass(frozen=True)
class ResidualMLP:
    """A residual network of fully connected layers."""

    width: int = 8

    def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Return the network."""
        return Residual(*input_shape, self.width, outputs)


TASK = Task(
    name="yacht",
    dataset=csv("yacht.csv", target="resistance"),
    model=ResidualMLP(),
    likelihood=LearntGaussian(),
    budget=Budget(epochs=40, draws=20, burn_in=0.25),
    prior_std=0.5,
)
