"""The HMC chains of a reference, with checkpoints; resumed chains are bitwise identical."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
import torch
from jax import Array
from numpy.typing import NDArray

from bdlbench.errors import BdlbenchError, Diverged, RecordError
from bdlbench.hamiltonian.budgeted import end_warm_up
from bdlbench.hamiltonian.kernels import INT32, Kernel, Work, advance, start
from bdlbench.posterior.potential import Posterior
from bdlbench.posterior.to_jax import JaxPotential
from bdlbench.reference import gate
from bdlbench.reference.collected import Collected
from bdlbench.reference.gate import Trace
from bdlbench.reference.whitened import Whitened
from bdlbench.runs.evaluate import TRACED
from bdlbench.storage.files import write_bytes

WARM_UP_LEAPFROGS = 500  # per trajectory, while the step size is adapted
DRAWS = 40  # stored draws of θ, over all chains
DRAWS_BYTES = 6 * 2**20  # if the draws are larger, none is stored


@dataclass(frozen=True)
class Length:
    """The number and length of the chains.

    Args:
        chains: Number of chains.
        samples: Iterations per chain after warm-up.
        warm_up: Iterations before, in which the step size is adapted.
        seed: Random seed of the initial states and the chains.
    """

    chains: int = 4
    samples: int = 400
    warm_up: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"chains": 2, "samples": gate.FEWEST, "warm_up": 1, "seed": 0}
        for name, value in least.items():
            if getattr(self, name) < value:
                option = name.replace("_", "-")
                raise BdlbenchError(f"expected --{option} >= {value}, got {getattr(self, name)}")


class Chains:
    """HMC chains, started from independent draws of the prior, with running averages.

    Args:
        kernel: HMC's hyperparameters.
        potential: U of the posterior; the chains move in the coordinates that it is a function of.
        length: Number and length of the chains.
        posterior: The posterior.
        collected: What is kept of the predictions.
        checkpoint: Path of the checkpoint.
    """

    def __init__(
        self,
        kernel: Kernel,
        potential: JaxPotential,
        length: Length,
        posterior: Posterior,
        collected: Collected,
        checkpoint: Path,
    ) -> None:
        self._kernel, self._potential, self.length = kernel, potential, length
        self.collected = collected
        rng = torch.Generator().manual_seed(length.seed)
        shape = length.chains, posterior.network.dim
        theta = posterior.prior_std * torch.randn(shape, generator=rng)
        seed = int(torch.randint(INT32, (1,), generator=rng).item())
        initial = theta.numpy()
        if isinstance(potential, Whitened):
            initial = potential.from_theta(initial)
        self._state = start(kernel, potential, initial, jax.random.key(seed))
        self.checkpoint = checkpoint
        self.done, self.gradients, self.seconds = 0, length.chains, 0.0
        inputs = min(TRACED, len(collected.sets["test"]))
        self._arrays = {**_allocate(length, posterior.network.dim, inputs), **collected.arrays}

    @property
    def total(self) -> int:
        """Number of iterations, warm-up included."""
        return self.length.warm_up + self.length.samples

    @property
    def step_size(self) -> float:
        """Step size of the leapfrog integrator."""
        return float(self._state.step_size)

    @property
    def draws(self) -> NDArray[np.float16]:
        """Evenly spaced draws of θ from all chains, shape (draws, dim)."""
        return self._arrays["draws"]

    @property
    def trace(self) -> Trace:
        """The trace after warm-up."""
        return Trace(**{name: self._arrays[name] for name in Trace.__dataclass_fields__})

    def iterate(self) -> None:
        """Advance all chains by one iteration.

        Raises:
            Diverged: U is not finite.
        """
        index = self.done - self.length.warm_up  # after warm-up
        limit = WARM_UP_LEAPFROGS if index < 0 else INT32
        work = Work(index < 0, limit, 1, INT32, INT32)
        self._state, _, leapfrogs = advance(self._kernel, self._potential, self._state, work)
        leapfrogs.block_until_ready()
        self._potential.check()
        if not np.isfinite(np.asarray(self._state.energy)).all():
            raise Diverged(f"U is not finite after {self.done} iterations")
        if index == -1:
            self._state = end_warm_up(self._state)
        if index >= 0:
            self._add(index)
        self.gradients += int(leapfrogs)
        self.done += 1

    def save(self) -> None:
        """Write the checkpoint atomically."""
        leaves = {f"state/{i}": np.asarray(x) for i, x in enumerate(self._leaves()[0])}
        counts = np.array([self.done, self.gradients, self.seconds])
        buffer = io.BytesIO()
        arrays = {"counts": counts, **leaves, **self._arrays}
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        write_bytes(self.checkpoint, buffer.getvalue())

    def resume(self) -> None:
        """Resume from the checkpoint, if it exists.

        Raises:
            RecordError: The checkpoint cannot be read.
        """
        if not self.checkpoint.exists():
            return
        try:
            content = io.BytesIO(self.checkpoint.read_bytes())
            with np.load(content, allow_pickle=False) as archive:
                stored = dict(archive)
            leaves, structure = self._leaves()
            leaves = [jax.numpy.asarray(stored[f"state/{i}"]) for i in range(len(leaves))]
            for name, array in self._arrays.items():
                array[...] = stored[name]
            done, gradients, self.seconds = stored["counts"].tolist()
        except Exception as error:  # on corrupt bytes, zipfile and NumPy raise almost anything
            raise RecordError(f"{self.checkpoint}: cannot be read ({error}); delete it") from error
        self.done, self.gradients = int(done), int(gradients)
        state = jax.tree.unflatten(structure, leaves)
        self._state = state._replace(key=jax.random.wrap_key_data(state.key))

    def _leaves(self) -> tuple[list[Array], Any]:
        return jax.tree.flatten(self._state._replace(key=jax.random.key_data(self._state.key)))

    def _add(self, index: int) -> None:
        arrays, state, potential = self._arrays, self._state.theta, self._potential
        theta = np.array(potential.to_theta(state) if isinstance(potential, Whitened) else state)
        arrays["potential"][:, index] = self._state.energy
        for name, values in self._state.last._asdict().items():
            arrays[name][:, index] = values
        for chain, row in enumerate(theta):
            arrays["log_likelihoods"][chain, index] = self.collected.add(chain, index, row)
        slots = arrays["draws"].reshape(-1, *theta.shape)
        before, after = (len(slots) * i // self.length.samples for i in (index, index + 1))
        slots[before:after] = theta


def _allocate(length: Length, dim: int, inputs: int) -> dict[str, NDArray[Any]]:
    shape = length.chains, length.samples
    draws = min(DRAWS // length.chains, length.samples) * length.chains
    if 2 * draws * dim > DRAWS_BYTES:
        draws = 0
    return {
        "potential": np.zeros(shape, np.float32),
        "hamiltonian": np.zeros(shape, np.float32),
        "accept_prob": np.zeros(shape, np.float32),
        "diverging": np.zeros(shape, bool),
        "log_likelihoods": np.zeros((*shape, inputs), np.float32),
        "draws": np.zeros((draws, dim), np.float16),
    }
