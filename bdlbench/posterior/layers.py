"""Layers with a rule for several chains: the fast path of `Network`, for a Sequential of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Rule = Callable[[nn.Module, Tensor, Tensor, Tensor | None], Tensor]


def known(module: nn.Module) -> bool:
    """Return whether a module is a Sequential of distinct layers that all have a rule."""
    if type(module) is not nn.Sequential or len(module) == 0:
        return False
    layers = list(module)
    return len(set(map(id, layers))) == len(layers) and all(map(_is_known, layers))


def forward(layers: Sequence[nn.Module], parameters: Mapping[str, Tensor], x: Tensor) -> Tensor:
    """Apply the layers to x of shape (chains, n, …), each chain with its own parameters."""
    for index, layer in enumerate(layers):
        weight, bias = parameters.get(f"{index}.weight"), parameters.get(f"{index}.bias")
        if weight is None:
            x = layer(x.flatten(0, 1)).unflatten(0, x.shape[:2])
        else:
            x = _RULES[type(layer)](layer, x, weight, bias)
    return x


def affine(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return xWᵀ + b, shape (n, outputs), optionally with a leading axis of chains."""
    if bias is None:
        return x @ weight.mT
    if x.dim() == 3:
        return torch.baddbmm(bias[:, None], x, weight.mT)
    return torch.addmm(bias, x, weight.mT)


def _is_known(layer: nn.Module) -> bool:
    hooked = bool(layer._forward_hooks or layer._forward_pre_hooks)
    first = {nn.Flatten: "start_dim", nn.Unflatten: "dim"}.get(type(layer))
    if first is not None:
        return not hooked and getattr(layer, first) != 0
    kind, padding = type(layer), getattr(layer, "padding_mode", "zeros")
    return not hooked and padding == "zeros" and (kind in _RULES or kind in _WITHOUT_PARAMETERS)


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


_RULES: dict[type[nn.Module], Rule] = {nn.Linear: _linear, nn.Conv2d: _conv2d}
# Each acts on every input alone, so that the chains can be folded into the axis of inputs.
_WITHOUT_PARAMETERS = {
    *(nn.ReLU, nn.Tanh, nn.Sigmoid, nn.SiLU, nn.GELU, nn.ELU, nn.LeakyReLU, nn.Softplus),
    *(nn.Identity, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d),
}
