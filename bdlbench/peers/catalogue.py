"""The catalogue of samplers of other libraries, the quickest to check first."""

from __future__ import annotations

from bdlbench.peers.approximations import APPROXIMATIONS
from bdlbench.peers.in_jax import IN_JAX
from bdlbench.peers.in_torch import IN_TORCH

PEERS = (*IN_TORCH, *IN_JAX, *APPROXIMATIONS)
