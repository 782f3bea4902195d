"""Translation of torch's layers into functions of JAX arrays, one rule per layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import Array, lax
from torch import nn

from bdlbench.errors import BdlbenchError

# By default JAX may round the factors of a product on a GPU to ten bits (TF32).
PRECISION = lax.Precision.HIGHEST
Layer = Callable[[Array, Array | None, Array | None], Array]


def translate(layer: nn.Module) -> Layer:
    """Return the layer as a function of its input (n, …), weight and bias (None if it has none).

    Raises:
        BdlbenchError: The type of the layer, or one of its options, is not supported.
    """
    rule = _RULES.get(type(layer))
    if rule is None:
        known = ", ".join(kind.__name__ for kind in _RULES)
        raise BdlbenchError(
            f"layer {type(layer).__name__} has no translation to JAX; expected one of {known}"
        )
    unsupported = {"padding_mode": "zeros", "ceil_mode": False, "return_indices": False}
    for option, usual in unsupported.items():
        if getattr(layer, option, usual) != usual:
            raise BdlbenchError(f"expected {option}={usual!r} for JAX, got {layer}")
    return rule(layer)


def _linear(layer: nn.Linear) -> Layer:
    def apply(x: Array, weight: Array | None, bias: Array | None) -> Array:
        assert weight is not None
        product = jnp.matmul(x, weight.T, precision=PRECISION)
        return product if bias is None else product + bias

    return apply


def _conv2d(layer: nn.Conv2d) -> Layer:
    padding = layer.padding
    pads: Any = padding.upper() if isinstance(padding, str) else [(p, p) for p in padding]

    def apply(x: Array, weight: Array | None, bias: Array | None) -> Array:
        assert weight is not None
        y = lax.conv_general_dilated(
            x,
            weight,
            window_strides=layer.stride,
            padding=pads,
            rhs_dilation=layer.dilation,
            feature_group_count=layer.groups,
            precision=PRECISION,
        )
        return y if bias is None else y + bias[:, None, None]

    return apply


def _max_pool2d(layer: nn.MaxPool2d) -> Layer:
    size, padding = _pair(layer.kernel_size), _pair(layer.padding)

    def apply(x: Array, weight: Array | None, bias: Array | None) -> Array:
        y: Array = lax.reduce_window(
            x,
            -jnp.inf,
            lax.max,
            window_dimensions=(1, 1, *size),
            window_strides=(1, 1, *_pair(layer.stride)),
            padding=((0, 0), (0, 0), *((p, p) for p in padding)),
            window_dilation=(1, 1, *_pair(layer.dilation)),
        )
        return y

    return apply


def _flatten(layer: nn.Flatten) -> Layer:
    def apply(x: Array, weight: Array | None, bias: Array | None) -> Array:
        end = layer.end_dim % x.ndim + 1
        return x.reshape(*x.shape[: layer.start_dim], -1, *x.shape[end:])

    return apply


def _unflatten(layer: nn.Unflatten) -> Layer:
    def apply(x: Array, weight: Array | None, bias: Array | None) -> Array:
        dim = int(layer.dim) % x.ndim
        sizes = tuple(layer.unflattened_size)
        return x.reshape(*x.shape[:dim], *sizes, *x.shape[dim + 1 :])

    return apply


def _elementwise(function: Callable[[Array], Array]) -> Callable[[Any], Layer]:
    def rule(layer: nn.Module) -> Layer:
        return lambda x, weight, bias: function(x)

    return rule


def _pair(value: int | tuple[int, ...]) -> tuple[int, ...]:
    return (value, value) if isinstance(value, int) else tuple(value)


_RULES: dict[type[nn.Module], Callable[[Any], Layer]] = {
    nn.Linear: _linear,
    nn.Conv2d: _conv2d,
    nn.MaxPool2d: _max_pool2d,
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.ReLU: _elementwise(jax.nn.relu),
    nn.Tanh: _elementwise(jnp.tanh),
    nn.Sigmoid: _elementwise(jax.nn.sigmoid),
    nn.SiLU: _elementwise(jax.nn.silu),
    nn.Identity: _elementwise(lambda x: x),
}
