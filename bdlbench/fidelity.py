"""Distances from a reference posterior; the stable name of `bdlbench.reference.fidelity`."""

from bdlbench.reference.fidelity import (
    agreement,
    distances,
    ess_per_1000_gradients,
    find_reference,
    floor,
    measure,
    total_variation,
)

__all__ = [
    "agreement",
    "distances",
    "ess_per_1000_gradients",
    "find_reference",
    "floor",
    "measure",
    "total_variation",
]
