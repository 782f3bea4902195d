"""A dense mass matrix for HMC: the Hessian of U at its minimum (Laplace's approximation).

For θ = m + L⁻ᵀz, with the Hessian H = LLᵀ at the minimum m, HMC in z with unit mass is HMC in θ
with mass matrix H (Neal, 2011, section 4.1). HMC with any constant mass matrix leaves the posterior
invariant; with this one, all directions have about the same scale, if it is close to a Gaussian.
"""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy import linalg, optimize

from bdlbench.errors import BdlbenchError, RecordError
from bdlbench.posterior.jax_layers import PRECISION
from bdlbench.posterior.potential import Posterior
from bdlbench.posterior.to_jax import JaxPotential, device_of, translated, untranslatable
from bdlbench.storage.files import write_bytes

LARGEST = 10_000  # parameters; memory grows with their square, to 2 GB
BLOCK = 32  # products of the Hessian with a vector at a time
BLOCKS = 8  # of rows of a triangular matrix
STEPS = 1000  # of L-BFGS, at most
DECREASE = 1e-7  # of U, relative; L-BFGS ends when a step gains less, which is float32's rounding
Floats = NDArray[np.float64]


@partial(
    jax.tree_util.register_dataclass, data_fields=["potential", "center", "rows"], meta_fields=[]
)
@dataclass(frozen=True)
class Whitened:
    """U as a function of z, for θ = center + L⁻ᵀz.

    Args:
        potential: U as a function of θ.
        center: The minimum m, shape (dim,).
        rows: L⁻¹ in blocks of rows, without the zeros right of the diagonal block: products take
            half the memory accesses.
    """

    potential: JaxPotential
    center: Array
    rows: tuple[Array, ...]

    def __call__(self, theta: Array) -> Array:
        """Return U, a float32 scalar, for z of shape (dim,), which takes the place of θ."""
        return self.potential(self.to_theta(theta))

    def check(self) -> None:
        """Raise the error of an evaluation; see `JaxPotential`."""
        self.potential.check()

    def to_theta(self, z: Array) -> Array:
        """Return θ for z, both of shape (…, dim)."""
        theta, first = jnp.broadcast_to(self.center, z.shape), 0
        for block in self.rows:
            rows, columns = block.shape
            part = jnp.matmul(z[..., first : first + rows], block, precision=PRECISION)
            theta, first = theta.at[..., :columns].add(part), first + rows
        return theta

    def from_theta(self, theta: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return z for θ, both of shape (chains, dim)."""
        offset = np.asarray(theta - np.asarray(self.center), np.float64)
        root = np.vstack([np.pad(b, ((0, 0), (0, theta.shape[1] - b.shape[1]))) for b in self.rows])
        z = linalg.solve_triangular(root, offset.T, trans="T", lower=True).T
        return np.asarray(z, np.float32)


def blocks(root: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Split a lower triangular matrix into `Whitened.rows`."""
    ends = np.unique(np.linspace(0, len(root), BLOCKS + 1, dtype=int))
    return [root[first:end, :end] for first, end in itertools.pairwise(ends)]


def whiten(
    posterior: Posterior, theta: Floats, path: Path, look: Callable[[float], None]
) -> tuple[Whitened, float]:
    """Return U in whitened coordinates, and the seconds that these took.

    They are read from the file if it exists, so that a resumed run has the same.

    Args:
        posterior: The posterior.
        theta: Where the search for the minimum starts, shape (dim,).
        path: The file of m and L⁻¹, written if it does not exist.
        look: Called with the share of the Hessian that is done.

    Raises:
        BdlbenchError: There are too many parameters, there is no translation to JAX, or the
            Hessian is not positive definite.
        RecordError: The file cannot be read.
    """
    _check(posterior)
    potential, device = translated(posterior), device_of(posterior.x)
    if not path.exists():
        started = time.perf_counter()
        place = minimum(potential, theta)
        matrix = inverse_root(hessian(potential, place, look))
        _write(path, place, matrix, time.perf_counter() - started)
    stored = _read(path)
    center = jax.device_put(stored["center"], device)
    rows = tuple(jax.device_put(block, device) for block in blocks(stored["root"]))
    return Whitened(potential, center, rows), float(stored["seconds"])


def _check(posterior: Posterior) -> None:
    if posterior.network.dim > LARGEST:
        raise BdlbenchError(
            f"--mass laplace: expected at most {LARGEST:,} parameters, got "
            f"{posterior.network.dim:,}; use --mass unit"
        )
    if reason := untranslatable(posterior):
        raise BdlbenchError(f"--mass laplace: {reason}; use --mass unit")


def minimum(potential: JaxPotential, theta: Floats) -> Floats:
    """Return a minimum of U near θ, shape (dim,), by L-BFGS (Liu & Nocedal, 1989)."""
    evaluate = jax.jit(jax.value_and_grad(_value, argnums=1))

    def function(theta: Floats) -> tuple[float, Floats]:
        value, gradient = evaluate(potential, jnp.asarray(theta, jnp.float32))
        return float(value), np.asarray(gradient, np.float64)

    options: Any = {"maxiter": STEPS, "ftol": DECREASE}
    found = optimize.minimize(function, theta, jac=True, method="L-BFGS-B", options=options)
    return np.asarray(found.x, np.float64)


def hessian(potential: JaxPotential, theta: Floats, look: Callable[[float], None]) -> Floats:
    """Return the Hessian of U at θ, (dim, dim), by products with unit vectors (Pearlmutter, 1994).

    Args:
        potential: U.
        theta: Shape (dim,).
        look: Called with the share that is done.
    """
    product, dim = jax.jit(jax.vmap(_product, (None, None, 0))), len(theta)
    place, rows = jnp.asarray(theta, jnp.float32), np.empty((dim, dim))
    for first in range(0, dim, BLOCK):
        units = np.eye(BLOCK, dim, first, dtype=np.float32)  # zero beyond the last parameter
        rows[first : first + BLOCK] = product(potential, place, units)[: dim - first]
        look(min(1.0, (first + BLOCK) / dim))
    return 0.5 * (rows + rows.T)


def inverse_root(matrix: Floats) -> Floats:
    """Return L⁻¹, lower triangular, for a matrix LLᵀ, (dim, dim), which is overwritten.

    Raises:
        BdlbenchError: The matrix is not positive definite.
    """
    try:
        lower = linalg.cholesky(matrix, lower=True, overwrite_a=True)
    except linalg.LinAlgError:
        raise BdlbenchError(
            "--mass laplace: the Hessian of U is not positive definite at the minimum that was "
            "found; use --mass unit"
        ) from None
    inverse, _ = linalg.lapack.dtrtri(lower, lower=True, overwrite_c=True)
    return np.asarray(inverse, np.float64)


def _value(potential: JaxPotential, theta: Array) -> Array:
    return potential(theta)


def _product(potential: JaxPotential, theta: Array, vector: Array) -> Array:
    gradient = partial(jax.grad(_value, argnums=1), potential)
    product: Array = jax.jvp(gradient, (theta,), (vector,))[1]
    return product


def _write(path: Path, center: Floats, root: Floats, seconds: float) -> None:
    buffer = io.BytesIO()
    arrays = {"center": center.astype(np.float32), "root": root.astype(np.float32)}
    np.savez(buffer, seconds=np.array(seconds), **arrays)  # type: ignore[arg-type]
    write_bytes(path, buffer.getvalue())


def _read(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
            return {name: archive[name] for name in ("center", "root", "seconds")}
    except Exception as error:  # on corrupt bytes, zipfile and NumPy raise almost anything
        raise RecordError(f"{path}: cannot be read ({error}); delete it") from error
