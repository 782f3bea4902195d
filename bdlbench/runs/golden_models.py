"""Goldens of modules without a fast path, likelihoods of real targets, and hidden units."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from bdlbench.posterior import likelihoods, models, regression, sites
from bdlbench.posterior.likelihoods import Bernoulli, Categorical, Likelihood
from bdlbench.posterior.network import Network
from bdlbench.posterior.potential import Posterior
from bdlbench.runs.rounding import FLOAT64, Golden, rounded, unrounded

TERMS = 10_000  # of the longest sum: over channels, pixels and inputs
LIKELIHOODS: tuple[Likelihood, ...] = (
    *(Categorical(), Bernoulli(), regression.Gaussian(0.4), regression.StudentT(3.0, 0.4)),
    *(regression.LearntGaussian(), regression.Heteroscedastic()),
)


class Sequence(nn.Module):
    """Recurrent and attention layers on tokens, with a buffer."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.lstm = nn.Embedding(5, 4), nn.LSTM(4, 4, batch_first=True)
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True)
        self.head = nn.Linear(4, 3)
        self.register_buffer("factor", torch.tensor(0.5))

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, shape (n, 3)."""
        x = self.lstm(self.embed(x))[0] * self.factor
        outputs: Tensor = self.head(self.attend(x, x, x)[0].mean(1))
        return outputs


class Products(nn.Module):
    """Parameters that are used without a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Parameter(torch.zeros(3, 4)), nn.Linear(4, 2)
        self.shift = nn.Parameter(torch.zeros(1, 3))

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs, shape (n, 2)."""
        outputs: Tensor = self.last((x + self.shift) @ (2 * self.first))
        return outputs


class Declared(Products):
    """The same, with declared sites."""

    dropout_sites = ("last",)


class OwnLikelihood(regression.Gaussian):
    """A likelihood without a derivative of its own."""

    slope = None  # type: ignore[assignment]


def compute() -> Iterator[tuple[str, Golden]]:
    """Evaluate U and ∇U of modules without a fast path, and of every likelihood."""
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(6, 3, 8, 8, generator=rng)
    for name in ("resnet8:width=4", "lenet5"):
        shape = (3, 8, 8) if "resnet" in name else (3, 12, 12)
        x = images if "resnet" in name else nn.functional.pad(images, (2, 2, 2, 2))
        network = models.network(name, shape, 3)
        posterior = Posterior(network, Categorical(), x, torch.arange(6) % 3, 0.5)
        yield from _posterior(f"{name}, colour", posterior)
    tokens = torch.randint(5, (6, 4), generator=rng)
    network = Network(Sequence(), Sequence)
    network.one_by_one = True
    yield from _posterior(
        "sequence", Posterior(network, Categorical(), tokens, torch.arange(6) % 3, 0.5)
    )
    yield "lenet5: dim", unrounded(models.build("lenet5").dim)
    for module in (Products(), Declared()):
        found = sites.dropout_sites(Network(module, type(module)), torch.ones(1, 3))
        name = type(module).__name__.lower()
        yield f"{name}: weights that dropout masks", unrounded(_numbers(found, module))
    for likelihood in (*LIKELIHOODS, OwnLikelihood(0.4)):
        yield from _likelihood(likelihood)


def _posterior(name: str, posterior: Posterior) -> Iterator[tuple[str, Golden]]:
    theta = posterior.network.init(2, torch.Generator().manual_seed(0))
    yield f"{name}: initial θ", rounded(theta, 4)
    yield f"{name}: U", rounded(posterior.potential(theta), TERMS)
    yield f"{name}: ∇U", rounded(posterior.gradient(theta), TERMS)
    yield f"{name}: ∇U of one chain", rounded(posterior.gradient(theta[:1]), TERMS)
    found = sites.dropout_sites(posterior.network, posterior.x)
    numbers = _numbers(found, posterior.network.module)
    yield f"{name}: weights that dropout masks", unrounded(numbers)


def _numbers(found: dict[str, int], module: nn.Module) -> list[int]:
    """Return the positions of weights among the parameters, each with its number of groups."""
    names = [name for name, _ in module.named_parameters()]
    return [number for name, groups in found.items() for number in (names.index(name), groups)]


def _likelihood(likelihood: Likelihood) -> Iterator[tuple[str, Golden]]:
    """Evaluate a likelihood in float64, and in a network with its constants."""
    label = likelihoods.label(likelihood)
    classes = {"categorical": 3, "bernoulli": 2}.get(label)
    width = likelihood.outputs(classes)
    outputs = torch.linspace(-1, 1, 12 * (width + likelihood.constants), dtype=torch.float64)
    outputs = outputs.sin().view(2, 6, -1)
    y = torch.linspace(-2, 2, 6).expand(2, 6) if classes is None else torch.arange(6) % 2
    y = y.expand(2, 6)
    parts = [likelihood.log_prob(outputs, y), likelihoods.slope(likelihood, outputs, y).flatten(1)]
    if isinstance(likelihood, Categorical | Bernoulli):
        parts.append(likelihood.log_probabilities(outputs).flatten(1))
    else:
        parts += likelihood.location_scale(outputs)  # type: ignore[attr-defined]
    yield f"{label}, float64", rounded(torch.cat(parts, dim=1), 100, FLOAT64)
    if likelihood.constants:
        for layer in (nn.ReLU(), nn.Tanh()):
            module = nn.Sequential(nn.Linear(2, 3), layer, nn.Linear(3, width))
            network = Network(module, constants=likelihood.constants)
            x = torch.linspace(-1, 1, 12).view(6, 2)
            made = Posterior(network, likelihood, x, y[0].float(), 0.5)
            theta = torch.linspace(-0.5, 0.5, 2 * network.dim).view(2, -1)
            name = f"{label}, {type(layer).__name__}"
            yield f"{name}: U", rounded(made.potential(theta), 100)
            yield f"{name}: ∇U", rounded(made.gradient(theta), 100)
