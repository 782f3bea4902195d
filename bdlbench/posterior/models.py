"""Models: built in, installed or from a file; each builds a module for an input shape."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Protocol, cast

import torch
from torch import nn

from bdlbench import registry
from bdlbench.errors import BdlbenchError, PluginError
from bdlbench.posterior.network import Network, seeded
from bdlbench.posterior.trial import check_forward
from bdlbench.settings import parse

SIDE, CLASSES = 28, 10
NAMES = ("softmax", "mlp-<hidden>[-<hidden>…]", "lenet5")
_PATTERN = re.compile(r"softmax|lenet5|mlp(-[1-9]\d{0,4})+")

__all__ = ["CLASSES", "NAMES", "SIDE", "BuiltIn", "Model", "Network", "build", "find", "network"]


class Model(Protocol):
    """A family of modules; a plugin of the kind ``models`` is one."""

    def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
        """Return a new module, with initial values, that maps (n, *input_shape) to (n, outputs)."""


@dataclass(frozen=True)
class BuiltIn:
    """A model of linear layers and convolutions, by name.

    ``softmax`` is multinomial logistic regression; ``mlp-400-400`` a ReLU network with two hidden
    layers of 400 units, on inputs of any shape; ``lenet5`` the network of LeCun et al. (1998) with
    ReLU and max pooling, on images.

    Raises:
        BdlbenchError: The name is unknown.
    """

    name: str

    def __post_init__(self) -> None:
        if not _PATTERN.fullmatch(self.name):
            raise BdlbenchError(_unknown(self.name))

    def build(self, input_shape: tuple[int, ...], outputs: int) -> nn.Sequential:
        """Return the module."""
        if self.name == "lenet5":
            return _lenet5(input_shape, outputs)
        hidden = [int(width) for width in self.name.split("-")[1:]]
        return _mlp([math.prod(input_shape), *hidden, outputs])


def find(reference: str) -> Model:
    """Return the model that a name or a path refers to, such as ``./mine.py:width=8``.

    Raises:
        BdlbenchError: There is no such model, or a setting is invalid.
    """
    spec = parse(reference)
    if _PATTERN.fullmatch(spec.reference):
        if spec.settings:
            raise BdlbenchError(f"{spec.reference}: expected no settings, got {reference!r}")
        return BuiltIn(spec.reference)
    known = registry.held(spec.reference) or spec.reference in registry.names("models")
    if not known and not spec.reference.endswith(".py"):
        raise BdlbenchError(_unknown(spec.reference))
    return cast(Model, registry.create("models", spec))


def network(
    model: Model | str, input_shape: Sequence[int], outputs: int, constants: int = 0
) -> Network:
    """Return a model's network; global random state is neither used nor changed.

    Buffers have the values of a first build, with the same seed everywhere.

    Args:
        model: The model, or a reference to it.
        input_shape: Shape of one input.
        outputs: Number of outputs that the likelihood needs.
        constants: Number of parameters of the likelihood.

    Raises:
        BdlbenchError: The model cannot be built for these shapes, or is refused.
    """
    model = find(model) if isinstance(model, str) else model
    build = partial(model.build, tuple(input_shape), outputs)
    if isinstance(model, BuiltIn):
        with torch.device("meta"):  # nothing is allocated
            return Network(build(), constants=constants)
    try:
        return Network(seeded(build, 0), build, constants)
    except PluginError:
        raise
    except BdlbenchError as error:
        raise BdlbenchError(f"model {name_of(model)}: {error}") from error
    except Exception as error:
        raise BdlbenchError(
            f"model {name_of(model)}: build({tuple(input_shape)}, {outputs}) raises "
            f"{type(error).__name__}: {error}"
        ) from error


def check(model: Model | str, network: Network, x: torch.Tensor, outputs: int) -> None:
    """Try a model's forward on a few inputs; see `check_forward`."""
    try:
        check_forward(network, x, outputs)
    except BdlbenchError as error:
        raise BdlbenchError(f"model {name_of(model)}: {error}") from error


def build(name: str) -> Network:
    """Return a model's network for 28×28 grey images and ten classes.

    Raises:
        BdlbenchError: The name is unknown.
    """
    return network(name, (SIDE, SIDE), CLASSES)


def name_of(model: Model | str) -> str:  # pragma: no cover -- computes no number
    """Return a model's name, for messages."""
    if isinstance(model, str):
        return model
    if isinstance(model, BuiltIn):
        return model.name
    return str(getattr(model, "plugin_name", type(model).__name__))


def _unknown(name: str) -> str:  # pragma: no cover -- likewise
    available = ", ".join([*NAMES, *registry.names("models")])
    return f"no model {name!r} (available: {available})"


def _mlp(widths: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise(widths):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _lenet5(input_shape: tuple[int, ...], outputs: int) -> nn.Sequential:
    if len(input_shape) not in (2, 3) or min(input_shape[-2:]) < 12:
        raise BdlbenchError(
            "lenet5: expected images (height, width) or (channels, height, width) of at least "
            f"12×12 pixels, got inputs of shape {tuple(input_shape)}"
        )
    channels, (height, width) = math.prod(input_shape[:-2]), input_shape[-2:]
    to_channels = [nn.Unflatten(1, (1, height))] if len(input_shape) == 2 else []
    pixels = ((height // 2 - 4) // 2) * ((width // 2 - 4) // 2)
    return nn.Sequential(
        *to_channels,
        nn.Conv2d(channels, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * pixels, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, outputs),
    )
