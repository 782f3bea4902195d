"""U(θ) in JAX, translated from a torch posterior, for samplers written in JAX."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax import Array, lax

from bdlbench.errors import BdlbenchError
from bdlbench.posterior.jax_layers import translate
from bdlbench.posterior.likelihoods import Bernoulli, Categorical, Gaussian, Likelihood
from bdlbench.posterior.models import Network
from bdlbench.posterior.potential import Posterior

ROWS = 2000  # training points at a time, so that activations fit the processor's cache


@dataclass(frozen=True)
class _Model:
    """Static part of a program; equal architectures compare equal, and are compiled once."""

    architecture: str
    likelihood: Likelihood
    prior_std: float
    network: Network = field(compare=False)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["x", "y", "weight"],
    meta_fields=["model"],
)
@dataclass(frozen=True)
class JaxPotential:
    """U(θ) in JAX.

    A pytree whose leaves are the data: pass it to compiled functions as an argument, so that the
    data are not compiled into the program. Value and gradient together cost one gradient.

    Args:
        model: Static part.
        x: Inputs in equal, zero-padded chunks, shape (chunks, rows, …).
        y: Targets, shape (chunks, rows).
        weight: 1 for training points, 0 for padding, shape (chunks, rows).
    """

    model: _Model
    x: Array
    y: Array
    weight: Array

    def __call__(self, theta: Array) -> Array:
        """Return U(θ), a float32 scalar, for θ of shape (dim,); see `Posterior.potential`."""
        prior = 0.5 / self.model.prior_std**2 * jnp.vdot(theta, theta, precision="highest")
        return prior + _negative_log_likelihood(self.model, theta, (self.x, self.y, self.weight))

    def outputs(self, theta: Array, x: Array) -> Array:
        """Return the network's outputs, shape (n, outputs), for θ (dim,) and inputs (n, …)."""
        return _outputs(self.model, theta, x)


def to_jax(posterior: Posterior) -> JaxPotential:
    """Translate a posterior to JAX; the data stay on their device.

    Raises:
        BdlbenchError: A layer or the likelihood has no translation, or the data are on a GPU that
            JAX does not find.
    """
    if type(posterior.likelihood) not in _LIKELIHOODS:
        raise BdlbenchError(_unknown("likelihood", posterior.likelihood, list(_LIKELIHOODS)))
    module = posterior.network.module
    for layer in module:
        translate(layer)  # raises for an unknown layer
    model = _Model(repr(module), posterior.likelihood, posterior.prior_std, posterior.network)
    device = device_of(posterior.x)
    parts = (posterior.x, posterior.y, torch.ones(posterior.n))
    return JaxPotential(model, *(jax.device_put(_chunked(part), device) for part in parts))


def device_of(tensor: torch.Tensor) -> jax.Device:
    """Return the JAX device of a tensor.

    Raises:
        BdlbenchError: It is a GPU that JAX does not find.
    """
    platform = tensor.device.type
    try:
        return jax.devices(platform)[tensor.device.index or 0]
    except RuntimeError:
        raise BdlbenchError(
            f"expected a JAX that can use {platform}, got one that cannot; "
            f"install JAX's build for {platform}, or use --device cpu"
        ) from None


def _chunked(values: torch.Tensor) -> np.ndarray:
    """Split along the first axis into equal chunks of at most ROWS, padded with zeros."""
    array = values.cpu().numpy()
    array = array.astype(np.int32 if array.dtype.kind == "i" else np.float32)
    chunks = math.ceil(len(array) / ROWS)
    rows = math.ceil(len(array) / chunks)
    fill = np.zeros((chunks * rows - len(array), *array.shape[1:]), array.dtype)
    return np.concatenate([array, fill]).reshape(chunks, rows, *array.shape[1:])


_Data = tuple[Array, Array, Array]


def _outputs(model: _Model, theta: Array, x: Array) -> Array:
    network = model.network
    splits = np.cumsum(network.sizes)[:-1].tolist()
    parts = jnp.split(theta, splits)
    parameters = {
        name: part.reshape(tuple(shape))
        for part, (name, shape) in zip(parts, network.shapes.items(), strict=True)
    }
    for index, layer in enumerate(network.module):
        weight, bias = parameters.get(f"{index}.weight"), parameters.get(f"{index}.bias")
        x = translate(layer)(x, weight, bias)
    return x


def _chunk_loss(model: _Model, theta: Array, chunk: _Data) -> Array:
    x, y, weight = chunk
    log_prob = _LIKELIHOODS[type(model.likelihood)](model.likelihood, _outputs(model, theta, x), y)
    return -jnp.sum(weight * log_prob)


# By default, JAX would store the activations of every chunk for the backward pass.
@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _negative_log_likelihood(model: _Model, theta: Array, data: _Data) -> Array:
    def add(total: Array, chunk: _Data) -> tuple[Array, None]:
        return total + _chunk_loss(model, theta, chunk), None

    return lax.scan(add, jnp.zeros(()), data)[0]


def _forward(model: _Model, theta: Array, data: _Data) -> tuple[Array, Array]:
    def add(total: tuple[Array, Array], chunk: _Data) -> tuple[tuple[Array, Array], None]:
        value, gradient = jax.value_and_grad(partial(_chunk_loss, model))(theta, chunk)
        return (total[0] + value, total[1] + gradient), None

    return lax.scan(add, (jnp.zeros(()), jnp.zeros_like(theta)), data)[0]


def _backward(model: _Model, gradient: Array, factor: Array) -> tuple[Array, None]:
    return factor * gradient, None


_negative_log_likelihood.defvjp(_forward, _backward)


def _categorical(likelihood: Categorical, outputs: Array, y: Array) -> Array:
    chosen = jnp.take_along_axis(outputs, y[:, None], axis=1)[:, 0]
    return chosen - jax.nn.logsumexp(outputs, axis=1)


def _gaussian(likelihood: Gaussian, outputs: Array, y: Array) -> Array:
    residual = (y - outputs[:, 0]) / likelihood.noise_std
    return -0.5 * residual**2 - math.log(likelihood.noise_std * math.sqrt(2 * math.pi))


def _bernoulli(likelihood: Bernoulli, outputs: Array, y: Array) -> Array:
    return y * outputs[:, 0] - jax.nn.softplus(outputs[:, 0])


_LIKELIHOODS: dict[type, Callable[..., Array]] = {
    Categorical: _categorical,
    Gaussian: _gaussian,
    Bernoulli: _bernoulli,
}


def _unknown(kind: str, found: object, known: list[type]) -> str:  # pragma: no cover -- likewise
    names = ", ".join(each.__name__ for each in known)
    return f"{kind} {type(found).__name__} has no translation to JAX; expected one of {names}"
