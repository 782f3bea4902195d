"""Differentiate a loss of a network's outputs with respect to flat parameters θ."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from bdlbench.models import Network
from bdlbench.products import multiply

Slope = Callable[[Tensor], Tensor]


def gradient(network: Network, theta: Tensor, x: Tensor, slope: Slope) -> Tensor:
    """Return the gradient of a loss with respect to θ, shape (chains, dim).

    For linear layers with ReLUs between them it is written out: without a graph to build and
    gradients to join, it takes little longer than its matrix products. Every other network is left
    to autograd.

    Args:
        network: The model.
        theta: θ, shape (chains, dim).
        x: Inputs, shape (chains, n, …).
        slope: Derivative of the loss with respect to the outputs (chains, n, outputs), as a
            function of them.
    """
    first, *_ = network.module
    kinds = [type(layer) for layer in network.module]
    if isinstance(first, nn.Flatten) and (first.start_dim, first.end_dim) == (1, -1):
        kinds, x = kinds[1:], x.flatten(2)
    alternating = kinds[0::2] == [nn.Linear] * (len(kinds) // 2 + 1)
    if alternating and set(kinds[1::2]) <= {nn.ReLU} and x.dim() == 3:
        return _written_out(network, theta, x, slope)
    return _by_autograd(network, theta, x, slope)


@torch.no_grad()
def _written_out(network: Network, theta: Tensor, x: Tensor, slope: Slope) -> Tensor:
    """Go forward through y = Wa + b and a = max(y, 0), and back by the chain rule."""
    result = torch.empty_like(theta)
    parameters, gradients = network.unflatten(theta), network.unflatten(result)
    inputs: list[tuple[int, Tensor]] = []
    for index, layer in enumerate(network.module):
        if isinstance(layer, nn.Linear):
            inputs.append((index, x))
        # In place: what a linear layer puts out is needed no more.
        x = x.relu_() if isinstance(layer, nn.ReLU) else network.apply(index, parameters, x)
    delta = slope(x)
    for index, a in reversed(inputs):
        _product(delta.mT, a, gradients[f"{index}.weight"])
        if f"{index}.bias" in gradients:
            torch.sum(delta, dim=1, out=gradients[f"{index}.bias"])
        if index != inputs[0][0]:
            # The sign of a ReLU's output is its derivative, and needs no conversion of types.
            delta = _product(delta, parameters[f"{index}.weight"]).mul_(a.sign())
    return result


def _by_autograd(network: Network, theta: Tensor, x: Tensor, slope: Slope) -> Tensor:
    # Leaves, one a parameter: differentiating through the split of θ would write a
    # gradient of full length for each of them.
    leaves = {
        name: view.detach().requires_grad_() for name, view in network.unflatten(theta).items()
    }
    with torch.enable_grad():
        outputs = network(leaves, x)
    parts = torch.autograd.grad(outputs, list(leaves.values()), slope(outputs.detach()))
    return torch.cat([part.flatten(1) for part in parts], dim=1)


def _product(a: Tensor, b: Tensor, out: Tensor | None = None) -> Tensor:
    """Multiply the matrices of every chain."""
    if len(a) == 1:  # a plain product is quicker than a batch of one
        return multiply(a[0], b[0], out=None if out is None else out[0])[None]
    return torch.bmm(a, b, out=out)
