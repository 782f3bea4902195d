"""A transformer layer that says which of three tokens is the most frequent."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from bdlbench import Budget, Examples, Task, register

LENGTH, TOKENS = 9, 3


class Words:
    """Sequences of tokens."""

    def load(self, split: str, folders: list[Path]) -> Examples:
        """Return a split."""
        rng = np.random.default_rng(split == "test")
        x = rng.integers(0, TOKENS, (120, LENGTH))
        y = np.array([np.bincount(row, minlength=TOKENS).argmax() for row in x])
        return Examples(x, y, classes=TOKENS)


class Encoder(nn.Module):
    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(TOKENS, width)
        self.layer = nn.TransformerEncoderLayer(width, 2, 16, dropout=0.0, batch_first=True)
        self.last = nn.Linear(width, outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.layer(self.embedding(x)).mean(1))


@register("encoder")
@dataclass(frozen=True)
class EncoderModel:
    """An embedding, a transformer layer and a linear layer."""

    width: int = 8

    def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Return the network."""
        return Encoder(self.width, outputs)


TASK = Task(
    name="words",
    dataset=Words(),
    model=EncoderModel(),
    budget=Budget(epochs=8, draws=8, burn_in=0.25),
)
