"""Count of the evaluations of a function in compiled programs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import batching, mlir
from numpy.typing import NDArray

Counter = Callable[[int], None]


def counted(theta: Array, counter: Counter, batch: Array | None = None) -> Array:
    """Return θ unchanged; `counter` is called whenever a program has computed it.

    What is computed from the result is not computed without the call: neither JAX nor the compiler
    removes, merges or repeats it.

    Args:
        theta: θ, shape (dim,), mapped by `vmap` any number of times.
        counter: Called with the number of θ that are mapped.
        batch: What is evaluated at θ, also mapped, shape (size,).
    """
    first = theta[0] if batch is None else theta[0] + 0 * batch[0]
    zero: Array = _count.bind(lax.stop_gradient(first), counter=counter)
    return theta + zero


# Not jax.experimental.io_callback, which a loop over several chains refuses.
_count = Primitive("count")


def _impl(first: Array, *, counter: Counter) -> Array:
    counter(first.size)
    return jnp.zeros_like(first)


def _shape(first: ShapedArray, *, counter: Counter) -> ShapedArray:
    return ShapedArray(first.shape, first.dtype)


def _batch(args: Any, axes: Any, *, counter: Counter) -> tuple[Array, int]:
    return _count.bind(*args, counter=counter), axes[0]


def _lower(context: mlir.LoweringRuleContext, first: Any, *, counter: Counter) -> Any:
    def count(values: NDArray[np.float32]) -> tuple[NDArray[np.float32]]:
        counter(np.size(values))
        return (np.zeros_like(values),)

    results, _, _ = mlir.emit_python_callback(
        context,
        count,
        None,
        [first],
        cast("list[ShapedArray]", context.avals_in),
        cast("list[ShapedArray]", context.avals_out),
        has_side_effect=True,
        returns_token=False,
    )
    return results


_count.def_impl(_impl)
_count.def_abstract_eval(_shape)
batching.primitive_batchers[_count] = _batch
mlir.register_lowering(_count, _lower)
