"""Time the gradient of modules without a fast path: against the fast path, and a plain loop."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from bdlbench.posterior import models
from bdlbench.posterior.likelihoods import Categorical
from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import Posterior
from benchmarks.alternate import Action, Timings, alternate
from benchmarks.figures import Figure
from benchmarks.steps import BATCH, TINY, make_data

N = 2_000
COLOUR = (3, 32, 32)
RESNET, PLAIN = "resnet8", "resnet8, torch.optim.SGD"
RESIDUAL, PLAIN_MLP = "residual MLP", "residual MLP, torch.optim.SGD"
FAST, GENERIC = "lenet5, fast path", "lenet5, generic path"


class Block(nn.Module):
    """A residual block of a perceptron."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, shape (n, width)."""
        return x + torch.relu(self.layer(x))


class ResidualMLP:
    """A small network, whose step is short beside the cost of a call."""

    def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Return the module."""
        blocks = [Block(50) for _ in range(3)]
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 50), *blocks, nn.Linear(50, outputs))


def measure(rounds: int) -> list[Figure]:
    """Time gradients of one chain on minibatches of 128."""
    x, y = make_data(N)
    colour = torch.randn(N, *COLOUR, generator=Generator().manual_seed(0))
    lenet5 = partial(models.BuiltIn("lenet5").build, (28, 28), 10)
    generic = Network(lenet5(), lenet5)
    generic.layers = None
    resnet = models.find(RESNET)
    actions: dict[str, tuple[Action, int]] = {
        FAST: (_gradient(models.build("lenet5"), x, y), 1),
        GENERIC: (_gradient(generic, x, y), 1),
        RESNET: (_gradient(models.network(resnet, COLOUR, 10), colour, y), 1),
        PLAIN: (_plain(resnet.build(COLOUR, 10), colour, y), 1),
        RESIDUAL: (_gradient(models.network(ResidualMLP(), (28, 28), 10), x, y), 1),
        PLAIN_MLP: (_plain(ResidualMLP().build((28, 28), 10), x, y), 1),
    }
    return _figures(alternate(actions, rounds))


def _gradient(network: Network, x: Tensor, y: Tensor) -> Action:
    """Return an action that computes ∇U on a minibatch and takes a step."""
    posterior = Posterior(network, Categorical(), x, y, prior_std=0.3)
    rng = Generator().manual_seed(0)
    theta = network.init(1, rng)

    def step() -> None:
        batch = torch.randint(N, (1, BATCH), generator=rng)
        theta.add_(posterior.gradient(theta, batch), alpha=-TINY)

    return step


def _plain(module: nn.Module, x: Tensor, y: Tensor) -> Action:
    """Return an action that takes a step in torch's usual way."""
    optimizer = torch.optim.SGD(module.parameters(), lr=TINY, weight_decay=1.0)
    rng = Generator().manual_seed(0)

    def step() -> None:
        rows = torch.randint(N, (BATCH,), generator=rng)
        optimizer.zero_grad()
        F.cross_entropy(module(x.index_select(0, rows)), y.index_select(0, rows)).backward()
        optimizer.step()

    return step


def _figures(timings: Timings) -> list[Figure]:
    def figure(name: str, other: str, bar: float | None = None) -> Figure:
        ratio = timings.ratio(name, other)
        return Figure(name, 1e3 * timings.median(name), "ms", ratio, other, bar)

    settings: dict[str, Any] = {GENERIC: (FAST, 1.5), RESNET: (PLAIN, 1.3), RESIDUAL: (PLAIN_MLP,)}
    return [figure(name, *found) for name, found in settings.items()]
