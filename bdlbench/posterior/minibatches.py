"""Minibatches of shuffled epochs, for several chains."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor


def shuffled(
    n: int, chains: int, size: int | None, rng: torch.Generator
) -> Iterator[Tensor | None]:
    """Split each chain's endless stream of shuffled epochs into minibatches of equal size.

    Args:
        n: Number of training points.
        chains: Number of chains.
        size: Training points per minibatch, or None for all data.
        rng: Source of the shuffling.

    Yields:
        Indices of shape (chains, size); None for all data.
    """
    while size is None:
        yield None
    while size == n:  # full batch: the order does not matter
        yield torch.arange(n, device=rng.device).expand(chains, -1)
    left = torch.empty(chains, 0, dtype=torch.int64, device=rng.device)
    while True:
        # One chain at a time: sorting random keys of all chains takes thirty times as long.
        orders = [torch.randperm(n, generator=rng, device=rng.device) for _ in range(chains)]
        order = torch.cat([left, torch.stack(orders)], dim=1)
        whole = order.shape[1] // size * size
        yield from order[:, :whole].split(size, dim=1)
        left = order[:, whole:]
