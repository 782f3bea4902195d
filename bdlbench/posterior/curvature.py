"""Products of the Hessian of U with vectors."""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from bdlbench.errors import BdlbenchError
from bdlbench.posterior.potential import ROWS, Posterior


def hvp(posterior: Posterior, theta: Tensor, v: Tensor, batch: Tensor | None = None) -> Tensor:
    """Return ∇²U(θ)·v, or its unbiased minibatch estimate, shape (chains, dim), by autograd.

    The second derivative of a ReLU is taken to be zero.

    Args:
        posterior: U.
        theta: Parameters, shape (chains, dim).
        v: A vector for each chain, shape (chains, dim).
        batch: Indices of a minibatch for each chain, shape (chains, size); None for all data.

    Raises:
        BdlbenchError: An operation of the model has no second derivative in torch.
    """
    leaf, v = theta.detach().requires_grad_(), v.detach()
    total = v / posterior.prior_std**2
    # Attention has a second derivative in torch's plain implementation only.
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        for rows, weight in _parts(posterior, batch, len(theta)):
            value = posterior.differentiable(leaf, rows)
            (slope,) = torch.autograd.grad(value.sum(), leaf, create_graph=True)
            try:
                (product,) = torch.autograd.grad(slope, leaf, v, materialize_grads=True)
            except RuntimeError as error:
                reason = " ".join(str(error).split())
                if not re.search("not (implemented|supported)", reason):
                    raise
                raise BdlbenchError(f"the model has no Hessian in torch: {reason}") from error
            # Every part contains the prior.
            total += weight * (product - v / posterior.prior_std**2)
    return total


def _parts(
    posterior: Posterior, batch: Tensor | None, chains: int
) -> Iterator[tuple[Tensor, float]]:
    """Yield minibatches of at most `ROWS` points, to limit memory, and their share of the sum."""
    if batch is None:
        batch = torch.arange(posterior.n, device=posterior.x.device).expand(chains, -1)
    for rows in batch.split(ROWS, dim=1):
        yield rows, rows.shape[1] / batch.shape[1]
