"""U(θ) of a torch posterior in JAX, for samplers written in JAX: translated, or called back."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax import Array, lax

from bdlbench.errors import BdlbenchError
from bdlbench.posterior import jax_layers, jax_likelihoods
from bdlbench.posterior.jax_callback import CalledPotential, Torch
from bdlbench.posterior.likelihoods import Likelihood
from bdlbench.posterior.network import CONSTANTS, Network
from bdlbench.posterior.potential import Posterior

log = logging.getLogger(__name__)

ROWS = 2000  # training points at a time, so that activations fit the processor's cache


class JaxPotential(Protocol):
    """U(θ) in JAX, a pytree: pass it to compiled functions as an argument.

    Value and gradient together cost one gradient.
    """

    def __call__(self, theta: Array) -> Array:
        """Return U(θ), a float32 scalar, for θ of shape (dim,); see `Posterior.potential`."""

    def check(self) -> None:
        """Raise the error of an evaluation, to be called where compiled programs return.

        Raises:
            BdlbenchError: The model raised an exception; U has been NaN since.
        """


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
class TranslatedPotential:
    """U(θ) in JAX, written in JAX.

    The leaves of the pytree are the data, so that they are not compiled into the program.

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

    def check(self) -> None:
        """Nothing can fail."""


def to_jax(posterior: Posterior) -> JaxPotential:
    """Return U(θ) of a posterior in JAX; the data stay on their device.

    Networks and likelihoods without a translation are evaluated by torch, which takes longer.

    Raises:
        BdlbenchError: There is a translation, and the data are on a GPU that JAX does not find.
    """
    reason = untranslatable(posterior)
    if not reason:
        return translated(posterior)
    log.info("U and its gradient are evaluated by torch: %s", reason)
    return CalledPotential(Torch(posterior))


def untranslatable(posterior: Posterior) -> str:
    """Return the reason why a posterior has no translation; empty if it has one."""
    if posterior.network.layers is None:
        return (
            f"expected a Sequential of known layers, got {type(posterior.network.module).__name__}"
        )
    try:
        for layer in posterior.network.layers:
            jax_layers.translate(layer)
        jax_likelihoods.translate(posterior.likelihood)
    except BdlbenchError as error:
        return str(error)
    return ""


def translated(posterior: Posterior) -> TranslatedPotential:
    """Translate a posterior to JAX.

    Raises:
        BdlbenchError: A layer or the likelihood has no translation, or the data are on a GPU that
            JAX does not find.
    """
    reason = untranslatable(posterior)
    if reason:
        raise BdlbenchError(reason)
    network = posterior.network
    model = _Model(repr(network.module), posterior.likelihood, posterior.prior_std, network)
    device = device_of(posterior.x)
    parts = (posterior.x, posterior.y, torch.ones(posterior.n))
    return TranslatedPotential(model, *(jax.device_put(_chunked(part), device) for part in parts))


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
    for index, layer in enumerate(network.layers or ()):
        weight, bias = parameters.get(f"{index}.weight"), parameters.get(f"{index}.bias")
        x = jax_layers.translate(layer)(x, weight, bias)
    if network.constants:
        x = jnp.concatenate([x, jnp.tile(parameters[CONSTANTS], (len(x), 1))], axis=1)
    return x


def _chunk_loss(model: _Model, theta: Array, chunk: _Data) -> Array:
    x, y, weight = chunk
    log_prob = jax_likelihoods.translate(model.likelihood)(_outputs(model, theta, x), y)
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
