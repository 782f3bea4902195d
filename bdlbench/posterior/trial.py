"""A trial of a network: what is not a function of θ and of each input alone is refused."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from bdlbench.errors import BdlbenchError
from bdlbench.posterior.network import Network

ROWS = 3  # inputs of the trial
TOLERANCE = 1e-3  # relative to the largest output; float32 sums in another order differ by 1e-5


def check_forward(network: Network, x: Tensor, outputs: int) -> None:
    """Try the forward on a few inputs, with two initial states.

    Args:
        network: The network; it is noted if its chains must take turns.
        x: Inputs, shape (n, …).
        outputs: Number of outputs that the likelihood needs.

    Raises:
        BdlbenchError: The forward raises, has outputs of another shape, is random, changes its
            buffers or inputs, or mixes inputs.
    """
    x = x[:ROWS].clone()
    theta = network.init(2, torch.Generator().manual_seed(0)).to(x.device)
    state, before = torch.get_rng_state(), _read(network, theta, x)
    with torch.random.fork_rng(devices=[]):
        found = _outputs(network, theta[:1], x, outputs)
        random = not torch.equal(state, torch.get_rng_state())
        for name, value in _read(network, theta, x).items():
            if not torch.equal(value, before[name]):
                raise BdlbenchError(f"the forward changes its {name}; it must only read them")
        again = _outputs(network, theta[:1], x, outputs)
    if random or not torch.equal(found, again):
        raise BdlbenchError("the forward is random: two calls differ; remove dropout and noise")
    alone = torch.cat([_outputs(network, theta[:1], row[None], outputs) for row in x])
    if (alone - found).abs().max() > TOLERANCE * found.abs().max():
        raise BdlbenchError(
            "the outputs of an input depend on the other inputs of the minibatch; normalise each "
            "input alone, as GroupNorm does"
        )
    network.one_by_one = not _vectorises(network, theta, x)


def _outputs(network: Network, theta: Tensor, x: Tensor, outputs: int) -> Tensor:
    """Return the outputs (n, outputs) of one chain."""
    try:
        with torch.no_grad():
            found = network.own_outputs(network.unflatten(theta), x[None])[0]
    except BdlbenchError:
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        shape = f"(n{''.join(f', {size}' for size in x.shape[1:])})"
        raise BdlbenchError(
            f"the forward raises {type(error).__name__} on inputs {shape}: {reason}"
        ) from error
    if found.shape != (len(x), outputs):
        first = ["n" if size == len(x) else str(size) for size in found.shape[:1]]
        shown = ", ".join([*first, *map(str, found.shape[1:])])
        raise BdlbenchError(f"expected outputs of shape (n, {outputs}), got ({shown})")
    return found


def _vectorises(network: Network, theta: Tensor, x: Tensor) -> bool:
    """Return whether the forward and its derivative run for several chains at once."""
    theta = theta.clone().requires_grad_()
    try:
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("error")  # of operations that would take turns, only slower
            found = network(network.unflatten(theta), x.expand(2, *x.shape))
            torch.autograd.grad(found.sum(), theta)
    except (RuntimeError, NotImplementedError, ValueError, UserWarning):
        return False
    return True


def _read(network: Network, theta: Tensor, x: Tensor) -> dict[str, Tensor]:
    """Return copies of what a forward may read but not change, with 0 for NaN."""
    buffers = network.buffers_like(theta).items()
    read = {"inputs": x, **{f"buffer {name}": buffer for name, buffer in buffers}}
    return {name: value.clone().nan_to_num() for name, value in read.items()}
