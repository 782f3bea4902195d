"""The hidden units of a network, for dropout: which weights multiply them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.overrides import TorchFunctionMode

from bdlbench.errors import BdlbenchError
from bdlbench.posterior.network import Network
from bdlbench.registry import nearest

DECLARE = 'declare them in the module: dropout_sites = ("fc2", …)'
_LAYERS = {"linear", "conv1d", "conv2d", "conv3d"}
_RECURRENT = {"lstm", "gru", "rnn_tanh", "rnn_relu"}
_ATTENTION = "multi_head_attention_forward"
_PRODUCTS = {
    *("matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "einsum", "bilinear"),
    *("tensordot", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"),
}


def dropout_sites(network: Network, x: Tensor) -> dict[str, int]:
    """Return the weights whose inputs are hidden units, and their numbers of groups.

    A weight (out, in / groups, …) multiplies the units along its second axis, in convolutions with
    groups those of its group. They are declared by the module's attribute ``dropout_sites``, names
    of layers or parameters; else found by a forward pass that follows what has been through a
    layer: linear, convolutional, embedding, recurrent or attention.

    Args:
        network: The network.
        x: At least one input, shape (n, …).

    Raises:
        BdlbenchError: A declared name does not exist, or hidden units cannot be found.
    """
    declared = getattr(network.module, "dropout_sites", None)
    if declared is not None:
        found = dict(_declared(network.module, declared))
    else:
        found = _followed(network, x[:1])
    return {name: found[name] for name in network.shapes if name in found}


def _declared(module: nn.Module, names: Iterable[str]) -> Iterator[tuple[str, int]]:
    layers = dict(module.named_modules())
    known = {id(parameter): name for name, parameter in module.named_parameters()}
    weights = dict(module.named_parameters())
    for name in (names,) if isinstance(names, str) else names:
        weight = weights.get(name, getattr(layers.get(name), "weight", None))
        if weight is None or weight.dim() < 2:
            raise BdlbenchError(
                f"dropout_sites: expected a layer with a weight, got {name!r}"
                f"{nearest(name, [each.rpartition('.')[0] or each for each in weights])}"
            )
        yield known[id(weight)], getattr(layers.get(name), "groups", 1)


def _followed(network: Network, x: Tensor) -> dict[str, int]:
    theta = network.init(1, torch.Generator().manual_seed(0)).to(x.device)
    theta = theta.to(x.dtype) if x.is_floating_point() else theta
    own = {name: p[0] for name, p in network.unflatten(theta).items()}
    parameters = {name: own[name] for name, _ in network.module.named_parameters()}
    watch = _Watch(parameters)
    buffers = network.buffers_like(theta)
    try:
        with torch.enable_grad(), torch.random.fork_rng(devices=[]), watch:
            functional_call(network.module, {**parameters, **buffers}, (x,))
    except BdlbenchError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        raise BdlbenchError(
            f"the hidden units cannot be found ({type(error).__name__}: {reason}); {DECLARE}"
        ) from error
    return watch.sites


class _Watch(TorchFunctionMode):
    """Follow a forward pass. A tensor that requires gradients has been through a layer."""

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        super().__init__()
        self.sites: dict[str, int] = {}
        self._mark = torch.zeros((), requires_grad=True)
        # Tensors that are computed from parameters alone are named like the first of them. They
        # are kept: the identity of a tensor that is freed is used again.
        self._weights = {id(p): (name, p) for name, p in parameters.items() if p.dim() > 1}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        tensors = list(_tensors((*args, *kwargs.values())))
        weights = [self._weights[id(each)][0] for each in tensors if id(each) in self._weights]
        outputs = func(*args, **kwargs)
        if not weights:
            return outputs
        if len(weights) == len(tensors):
            if isinstance(outputs, Tensor):
                self._weights[id(outputs)] = weights[0], outputs
            return outputs
        return self._layer(name, tensors, weights, outputs)

    def _layer(self, name: str, tensors: list[Tensor], weights: list[str], outputs: Any) -> Any:
        hidden = any(tensor.requires_grad for tensor in tensors)
        if name in _LAYERS:
            if hidden:
                groups = tensors[0].shape[1] // tensors[1].shape[1] if "conv" in name else 1
                self._add(weights[:1], groups)
        elif name in _RECURRENT:
            self._add(w for w in weights if hidden or not re.search(r"weight_ih_l0(_reverse)?$", w))
        elif name == _ATTENTION:
            inner = [weight for weight in weights if "bias" not in weight]
            self._add(weight for weight in inner if hidden or weight == inner[-1])
        elif name in _PRODUCTS:
            if hidden:
                raise BdlbenchError(
                    f"the hidden units of {weights[0]} cannot be found in {name}(); use nn.Linear, "
                    f"or {DECLARE}"
                )
        elif name != "embedding":
            return outputs
        return self._marked(outputs)

    def _add(self, weights: Iterable[str], groups: int = 1) -> None:
        self.sites.update(dict.fromkeys(weights, groups))

    def _marked(self, outputs: Any) -> Any:
        if isinstance(outputs, tuple):
            return tuple(map(self._marked, outputs))
        floating = isinstance(outputs, Tensor) and outputs.is_floating_point()
        return outputs + self._mark.to(outputs.device, outputs.dtype) if floating else outputs


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
