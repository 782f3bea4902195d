"""Networks as functions of flat parameters of shape (chains, dim)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bdlbench.errors import BdlbenchError

SIDE, CLASSES = 28, 10
NAMES = ("softmax", "mlp-<hidden>[-<hidden>…]", "lenet5")


class Network:
    """An ``nn.Sequential`` as a function of flat parameters.

    Args:
        module: A Sequential of Linear, Conv2d and parameter-free layers; only its architecture
            is used, so that it can (and should) be on torch's ``meta`` device.

    Raises:
        BdlbenchError: Another layer has parameters.
    """

    def __init__(self, module: nn.Sequential) -> None:
        self.module = module
        self.shapes = {name: p.shape for name, p in module.named_parameters()}
        self.sizes = [shape.numel() for shape in self.shapes.values()]
        self.dim = sum(self.sizes)
        for layer in module:
            if type(layer) not in _LAYERS and any(True for _ in layer.parameters()):
                known = ", ".join(kind.__name__ for kind in _LAYERS)
                raise BdlbenchError(
                    f"layer {type(layer).__name__} has parameters but no rule for several chains; "
                    f"expected one of {known}"
                )

    def unflatten(self, theta: Tensor) -> dict[str, Tensor]:
        """Return views of θ (chains, dim) as named tensors of shape (chains, *parameter shape)."""
        parts = theta.split_with_sizes(self.sizes, dim=-1)
        return {
            name: part.view(*part.shape[:-1], *shape) if len(shape) > 1 else part
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }

    def __call__(self, parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
        """Return the outputs, shape (chains, n, outputs).

        Args:
            parameters: As returned by `unflatten`.
            x: Inputs of shape (chains, n, …).
        """
        for index, layer in enumerate(self.module):
            weight, bias = parameters.get(f"{index}.weight"), parameters.get(f"{index}.bias")
            if weight is None:
                x = layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
            else:
                x = _LAYERS[type(layer)](layer, x, weight, bias)
        return x

    def init(self, chains: int, rng: torch.Generator) -> Tensor:
        """Draw initial states, uniform within ±1/√fan_in of each layer, as in torch.

        Returns:
            θ of shape (chains, dim), float32, on the generator's device.
        """
        bounds = [
            1 / math.sqrt(self.shapes[name.rsplit(".", 1)[0] + ".weight"][1:].numel())
            for name in self.shapes
        ]
        scale = torch.repeat_interleave(torch.tensor(bounds), torch.tensor(self.sizes))
        uniform = torch.rand(chains, self.dim, generator=rng, device=rng.device)
        return (2 * uniform - 1) * scale.to(rng.device)


@dataclass(frozen=True)
class BuiltIn:
    """A built-in model."""

    name: str

    def build(self, input_shape: tuple[int, ...], outputs: int) -> Network:
        """Return the network."""
        return build(self.name)


def find(reference: str) -> BuiltIn:
    """Return the model of this name."""
    build(reference)
    return BuiltIn(reference)


def build(name: str) -> Network:
    """Build a model for 28×28 grey images and ten classes by name.

    ``softmax`` is multinomial logistic regression; ``mlp-400-400`` a ReLU network with two hidden
    layers of 400 units; ``lenet5`` the network of LeCun et al. (1998) with ReLU and max pooling.

    Raises:
        BdlbenchError: The name is unknown.
    """
    # On the meta device nothing is allocated, and the global random state is not touched.
    with torch.device("meta"):
        if name == "softmax":
            return Network(_mlp())
        if name == "lenet5":
            return Network(_lenet5())
        if re.fullmatch(r"mlp(-[1-9]\d{0,4})+", name):
            return Network(_mlp(*(int(width) for width in name.split("-")[1:])))
    raise BdlbenchError(f"no model {name!r} (available: {', '.join(NAMES)})")


def _mlp(*hidden: int) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in pairwise((SIDE * SIDE, *hidden, CLASSES)):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _lenet5() -> nn.Sequential:
    return nn.Sequential(
        nn.Unflatten(1, (1, SIDE)),
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(16 * 5 * 5, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, CLASSES),
    )


def affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return xWᵀ + b, shape (n, outputs), optionally with a leading axis of chains."""
    if bias is None:
        return x @ weight.mT
    if x.dim() == 3:
        return torch.baddbmm(bias[:, None], x, weight.mT)
    return torch.addmm(bias, x, weight.mT)


def _linear(layer: nn.Module, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    shape, x = x.shape[:-1], x.flatten(1, -2)
    if len(x) == 1:  # a plain product is faster than a batched one
        product = affine(x[0], weight[0], None if bias is None else bias[0])[None]
    else:
        product = affine(x, weight, bias)
    outputs: Tensor = product.unflatten(1, shape[1:])
    return outputs


def _conv2d(layer: nn.Module, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Convolve every chain with its own kernels: one convolution, with one group per chain."""
    assert isinstance(layer, nn.Conv2d)
    chains = len(x)
    stacked = F.conv2d(
        x.transpose(0, 1).flatten(1, 2),
        weight.flatten(0, 1),
        None if bias is None else bias.flatten(),
        layer.stride,
        layer.padding,
        layer.dilation,
        groups=chains * layer.groups,
    )
    n, _, *size = stacked.shape
    return stacked.view(n, chains, -1, *size).transpose(0, 1)


_LAYERS: dict[type[nn.Module], Callable[[nn.Module, Tensor, Tensor, Tensor | None], Tensor]] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv2d,
}
