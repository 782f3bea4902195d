"""Small modules that have no fast path: residual, recurrent, attention, with buffers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bdlbench.posterior import models
from bdlbench.posterior.likelihoods import Categorical
from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import Posterior
from bdlbench.posterior.resnet import ResNet8

CLASSES, TOKENS, LENGTH = 4, 11, 5


class ResidualMLP(nn.Module):
    """Two residual layers on a table of three columns."""

    def __init__(self, width: int = 6, outputs: int = CLASSES) -> None:
        super().__init__()
        self.first = nn.Linear(3, width)
        self.inner = nn.ModuleList(nn.Linear(width, width) for _ in range(2))
        self.last = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(self.first(x))
        for layer in self.inner:
            x = x + torch.tanh(layer(x))
        found: Tensor = self.last(x)
        return found


class Transformer(nn.Module):
    """An encoder layer on embedded tokens, with fixed random positions."""

    def __init__(self, dropout: float = 0.0) -> None:
        super().__init__()
        self.embed = nn.Embedding(TOKENS, 8)
        self.register_buffer("position", torch.randn(LENGTH, 8))
        self.encode = nn.TransformerEncoderLayer(8, 2, 12, dropout, batch_first=True)
        self.head = nn.Linear(8, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(self.encode(self.embed(x) + self.position).mean(1))
        return found


class Embedded(nn.Module):
    """The mean of embeddings, and a linear layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Embedding(TOKENS, 6), nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(self.embed(x).mean(1))
        return found


class Recurrent(nn.Module):
    """An LSTM on embedded tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(TOKENS, 5), nn.LSTM(5, 6, batch_first=True)
        self.head = nn.Linear(6, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(self.lstm(self.embed(x))[0][:, -1])
        return found


class LeNet(nn.Module):
    """LeNet-5 in a module of its own, so that it has no fast path."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = models.BuiltIn("lenet5").build((28, 28), CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.layers(x)
        return found


def resnet() -> nn.Module:
    return ResNet8(width=4).build((3, 32, 32), CLASSES)


MODULES: dict[str, Callable[[], nn.Module]] = {
    "residual": ResidualMLP,
    "resnet": resnet,
    "lenet5": LeNet,
    "transformer": Transformer,
    "embedding": Embedded,
    "recurrent": Recurrent,
}


def inputs(name: str, n: int = 4) -> Tensor:
    """Return random inputs for a module."""
    rng = torch.Generator().manual_seed(1)
    if name in ("transformer", "embedding", "recurrent"):
        return torch.randint(TOKENS, (n, LENGTH), generator=rng)
    shape = {"residual": (3,), "resnet": (3, 32, 32), "lenet5": (28, 28)}[name]
    return torch.randn(n, *shape, generator=rng)


def posterior(name: str, n: int = 4) -> Posterior:
    """Return a posterior of a module on random data."""
    x, y = inputs(name, n), torch.arange(n) % CLASSES
    return Posterior(Network(MODULES[name](), MODULES[name]), Categorical(), x, y, prior_std=0.5)
