"""Colour images of seven classes, a small residual network, and an OOD set."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bdlbench import Budget, Examples, Task, register


def images(n: int, seed: int, classes: int) -> Examples:
    rng = np.random.default_rng(seed)
    y = np.arange(n) % classes
    x = rng.integers(0, 60, (n, 3, 32, 32))
    for row, label in enumerate(y):  # a square whose place and colour are those of its class
        x[row, label % 3, 4 * label : 4 * label + 6, 8:20] += 150
    return Examples(x.astype(np.uint8), y, classes=classes)


@register("birds")
@dataclass(frozen=True)
class Birds:
    """Squares in colour, which stand for birds."""

    def load(self, split: str, folders: list[Path]) -> Examples:
        """Return a split."""
        return images(*((140, 0) if split == "train" else (70, 1)), 7)


@register("planes")
@dataclass(frozen=True)
class Planes:
    """Noise, which stands for planes; it has no labels."""

    def load(self, split: str, folders: list[Path]) -> Examples:
        """Return the images."""
        return Examples(np.random.default_rng(2).integers(0, 256, (50, 3, 32, 32), dtype=np.uint8))


class Block(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.GroupNorm(2, channels)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.relu(x + self.norm(self.convolution(x)))


@register("tiny-resnet")
@dataclass(frozen=True)
class TinyResNet:
    """A convolution with stride, a residual block with GroupNorm, and a linear layer."""

    width: int = 4

    def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Return the network."""
        return nn.Sequential(
            nn.Conv2d(input_shape[0], self.width, 3, stride=4, padding=1),
            Block(self.width),
            nn.Flatten(),
            nn.Linear(self.width * 8 * 8, outputs),
        )


TASK = Task(
    name="birds",
    dataset=Birds(),
    model=TinyResNet(),
    ood={"planes": Planes()},
    budget=Budget(epochs=6, draws=8, burn_in=0.25),
)
