"""U(θ) in JAX by calls back to torch, for networks and likelihoods without a translation."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import torch
from jax import Array
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from numpy.typing import NDArray

from bdlbench.errors import BdlbenchError
from bdlbench.posterior.potential import Posterior

Floats = NDArray[np.float32]


class Torch:
    """U and ∇U of a posterior, called by compiled programs in threads of JAX.

    An exception must not pass through such a program: it is kept for `check`, and from then on U
    is NaN, at no cost.
    """

    def __init__(self, posterior: Posterior) -> None:
        self._posterior = posterior
        self._failure: Exception | None = None

    def __call__(
        self, theta: Floats, batch: NDArray[np.int32] | None = None
    ) -> tuple[Floats, Floats]:
        """Return U, shape (…), and ∇U, shape (…, dim), for θ of shape (…, dim).

        Args:
            theta: θ.
            batch: Indices of a minibatch for every θ, shape (…, size); None for all data.
        """
        value = np.full(theta.shape[:-1], np.nan, np.float32)
        gradient = np.full(theta.shape, np.nan, np.float32)
        if self._failure is not None:  # pragma: no cover -- after an error
            return value, gradient
        try:
            # A copy: the buffer of the program is read-only.
            chains = torch.from_numpy(np.array(theta).reshape(-1, theta.shape[-1]))
            device, rows = self._posterior.x.device, None
            if batch is not None:
                rows = torch.from_numpy(np.array(batch).reshape(-1, batch.shape[-1]))
                rows = rows.to(device, torch.int64)
            found = self._posterior.value_and_gradient(chains.to(device), rows)
            value[...], gradient[...] = (
                part.cpu().numpy().reshape(into.shape)
                for part, into in zip(found, (value, gradient), strict=True)
            )
        except Exception as error:  # pragma: no cover -- likewise
            self._failure = error
        return value, gradient

    def check(self) -> None:
        """Raise the first exception of a call as a BdlbenchError of one line."""
        if self._failure is not None:
            reason = " ".join(str(self._failure).split()) or type(self._failure).__name__
            raise BdlbenchError(f"the model failed in U and ∇U: {reason}") from self._failure


@partial(jax.tree_util.register_dataclass, data_fields=["batch"], meta_fields=["torch"])
@dataclass(frozen=True)
class CalledPotential:
    """U(θ) in JAX, evaluated by torch, all chains of a `vmap` in one call.

    Args:
        torch: The posterior; another object is another program.
        batch: Indices of a minibatch, shape (size,), for an estimate of U; None for all data.
    """

    torch: Torch
    batch: Array | None = None

    def __call__(self, theta: Array) -> Array:
        """Return U(θ), a float32 scalar, for θ of shape (dim,)."""
        return _potential(self.torch, theta, self.batch)

    def check(self) -> None:
        """Raise the error of an evaluation.

        Raises:
            BdlbenchError: The model raised an exception; U has been NaN since.
        """
        self.torch.check()


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _potential(torch: Torch, theta: Array, batch: Array | None) -> Array:
    return _forward(torch, theta, batch)[0]


def _forward(torch: Torch, theta: Array, batch: Array | None) -> tuple[Array, Array]:
    rows = () if batch is None else (batch,)
    value, gradient = _call.bind(jnp.asarray(theta, jnp.float32), *rows, torch=torch)
    return value, gradient


def _backward(torch: Torch, gradient: Array, factor: Array) -> tuple[Array, None]:
    return factor * gradient, None


_potential.defvjp(_forward, _backward)

# Not jax.pure_callback, which copies the arguments into JAX's arrays: larger ones are copied by
# JAX's own threads, for which the call would wait while it occupies the last of them (seen with one
# core: it never ends).
_call = Primitive("torch_potential")
_call.multiple_results = True


def _impl(*arguments: Array, torch: Torch) -> list[Array]:
    return [jnp.asarray(part) for part in torch(*map(np.asarray, arguments))]


def _shapes(theta: ShapedArray, *batch: ShapedArray, torch: Torch) -> list[ShapedArray]:
    return [ShapedArray(theta.shape[:-1], theta.dtype), theta]


def _batch(args: Any, axes: Any, *, torch: Torch) -> tuple[list[Array], list[int]]:
    (size,) = {arg.shape[axis] for arg, axis in zip(args, axes, strict=True) if axis is not None}
    mapped = [
        jnp.broadcast_to(arg, (size, *arg.shape)) if axis is None else jnp.moveaxis(arg, axis, 0)
        for arg, axis in zip(args, axes, strict=True)
    ]
    return _call.bind(*mapped, torch=torch), [0, 0]


def _lower(context: mlir.LoweringRuleContext, *arguments: Any, torch: Torch) -> Any:
    results, _, _ = mlir.emit_python_callback(
        context,
        torch,
        None,
        [*arguments],
        cast("list[ShapedArray]", context.avals_in),
        cast("list[ShapedArray]", context.avals_out),
        has_side_effect=False,
        returns_token=False,
    )
    return results


_call.def_impl(_impl)
_call.def_abstract_eval(_shapes)
batching.primitive_batchers[_call] = _batch
mlir.register_lowering(_call, _lower)
