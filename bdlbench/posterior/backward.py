"""Gradients of a loss with respect to flat parameters θ."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn

from bdlbench.posterior.layers import affine
from bdlbench.posterior.network import CONSTANTS, Network

Slope = Callable[[Tensor], Tensor]


def gradient(network: Network, theta: Tensor, x: Tensor, slope: Slope) -> Tensor:
    """Return the gradient of a loss with respect to θ, shape (chains, dim).

    Multilayer perceptrons with ReLUs have a handwritten backward pass, which takes little longer
    than its matrix products, as there is no graph to build; other networks use autograd.

    Args:
        network: The model.
        theta: θ, shape (chains, dim).
        x: Inputs, shape (chains, n, …).
        slope: Maps the outputs (chains, n, outputs) to the loss's derivative with respect to them.
    """
    if not _is_perceptron(network, x.dim()):
        return _by_autograd(network, theta, x, slope)
    x = x.flatten(2)
    if len(theta) > 1:
        return _written_out(network, theta, x, slope)
    # For one chain, without the axis of chains, which every product would squeeze and restore.
    return _written_out(network, theta[0], x[0], lambda outputs: slope(outputs[None])[0])[None]


@cache
def _is_perceptron(network: Network, axes: int) -> bool:
    """Return whether the network alternates linear layers and ReLUs, on flat inputs."""
    if network.layers is None:
        return False
    first, *rest = network.layers
    flattens = isinstance(first, nn.Flatten) and (first.start_dim, first.end_dim) == (1, -1)
    kinds = [type(layer) for layer in (rest if flattens else network.layers)]
    alternating = kinds[0::2] == [nn.Linear] * (len(kinds) // 2 + 1)
    return alternating and set(kinds[1::2]) <= {nn.ReLU} and (flattens or axes == 3)


@torch.no_grad()
def _written_out(network: Network, theta: Tensor, x: Tensor, slope: Slope) -> Tensor:
    """Run the forward pass y = Wa + b, a = max(y, 0), and the backward pass by the chain rule."""
    result = torch.empty_like(theta)
    parameters, gradients = network.unflatten(theta), network.unflatten(result)
    inputs: list[tuple[str, str, Tensor]] = []
    for index, layer in enumerate(network.layers or ()):
        if isinstance(layer, nn.Linear):
            weight, bias = f"{index}.weight", f"{index}.bias"
            inputs.append((weight, bias, x))
            x = affine(x, parameters[weight], parameters.get(bias))
        elif isinstance(layer, nn.ReLU):
            x = x.relu_()
    if network.constants:
        delta = slope(network.with_constants(x, parameters))
        delta, constants = delta.split_with_sizes([x.shape[-1], network.constants], dim=-1)
        torch.sum(constants, dim=-2, out=gradients[CONSTANTS])
    else:
        delta = slope(x)
    for weight, bias, a in reversed(inputs):
        torch.matmul(delta.mT, a, out=gradients[weight])
        if bias in gradients:
            torch.sum(delta, dim=-2, out=gradients[bias])
        if a is not inputs[0][2]:
            # The derivative of a ReLU is the sign of its output, which is not used again.
            delta = (delta @ parameters[weight]).mul_(a.sign_())
    return result


def _by_autograd(network: Network, theta: Tensor, x: Tensor, slope: Slope) -> Tensor:
    # One leaf per parameter: differentiating through the split of θ would write a full-length
    # gradient for each of them.
    leaves = {
        name: view.detach().requires_grad_() for name, view in network.unflatten(theta).items()
    }
    with torch.enable_grad():
        outputs = network(leaves, x)
    weights = slope(outputs.detach())
    parts = torch.autograd.grad(outputs, list(leaves.values()), weights, materialize_grads=True)
    return torch.cat([part.flatten(1) for part in parts], dim=1)
